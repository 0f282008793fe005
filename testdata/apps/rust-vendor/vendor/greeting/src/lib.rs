pub fn greet(whom: &str) -> String {
    format!("hello {whom}")
}
