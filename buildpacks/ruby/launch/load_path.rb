# The standard library lies where this Ruby does not look by itself, so RUBYLIB
# names it. That puts it before gems, of which some are newer releases of a part
# of it: its place is behind them, as in any Ruby.
home = "#{File.expand_path("..", __dir__)}/usr/lib/"
library, others = $LOAD_PATH.partition { |dir| dir.to_s.start_with?(home) && !dir.to_s.include?("/gems/") }
$LOAD_PATH.replace(others + library)
