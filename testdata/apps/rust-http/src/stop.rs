//! The signal by which a platform stops a process. The first process of a
//! container gets only signals that it asks for.

extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn _exit(status: i32) -> !;
}

const SIGTERM: i32 = 15;

extern "C" fn end(_: i32) {
    unsafe { _exit(0) }
}

/// Ends the program well when it is told to stop.
pub fn on_sigterm() {
    unsafe { signal(SIGTERM, end) };
}
