# Puma tells its server to stop by a pipe, which it writes to where it handles the
# signal. Ruby 3.3 and 3.4 may then wait for ever where the server closes that pipe
# meanwhile: what handles a signal cannot say that it is done with a file. A thread
# can, so it writes in the signal's place.
if ("3.3"..."3.5").cover?(RUBY_VERSION)
  aside = Module.new do
    private

    def notify_safely(...) = Thread.new { super }.join
  end
  # The server is there when its signals are set.
  Signal.singleton_class.prepend(Module.new do
    define_method(:trap) do |*args, &block|
      if defined?(Puma::Server) && Puma::Server.private_method_defined?(:notify_safely) && !(Puma::Server < aside)
        Puma::Server.prepend(aside)
      end
      super(*args, &block)
    end
  end)
end
