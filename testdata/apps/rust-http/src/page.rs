/// The page is in the program; the note is read when somebody asks.
pub fn answer(path: &str) -> (u16, String) {
    match path {
        "/" => (200, include_str!("page.html").replace("{version}", env!("CARGO_PKG_VERSION"))),
        "/note" => match std::fs::read_to_string("assets/note.txt") {
            Ok(text) => (200, text),
            Err(err) => (500, err.to_string()),
        },
        _ => (404, "not here".to_string()),
    }
}
