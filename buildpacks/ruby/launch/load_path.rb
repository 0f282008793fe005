# The standard library lies where this Ruby does not look by itself, so RUBYLIB
# names it. That puts it before gems, of which some are newer releases of a part
# of it: its place is behind them, as in any Ruby.
home = "#{File.expand_path("..", __dir__)}/usr/lib/"
library, others = $LOAD_PATH.partition { |dir| dir.to_s.start_with?(home) && !dir.to_s.include?("/gems/") }
$LOAD_PATH.replace(others + library)

# A signal that ends a process does not end process 1 of a container, which then
# says 1 although it did what it was told. What is first told to run at the end
# runs last.
at_exit do
  if Process.pid == 1 && $!.is_a?(SignalException)
    $stdout.flush
    $stderr.flush
    exit!(128 + $!.signo)
  end
end
