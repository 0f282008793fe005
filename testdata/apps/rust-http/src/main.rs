//! One page that says by what it was made.

mod page;
mod stop;

use tiny_http::{Header, Response, Server};

fn main() {
    stop::on_sigterm();
    let port = std::env::var("PORT").unwrap_or_else(|_| "5000".to_string());
    let server = Server::http(format!("0.0.0.0:{port}")).expect("listening");
    let html = Header::from_bytes("Content-Type", "text/html; charset=utf-8").expect("a header");
    for request in server.incoming_requests() {
        let (status, text) = page::answer(request.url());
        let response = Response::from_string(text)
            .with_status_code(status)
            .with_header(html.clone());
        // A client that went away needs no answer.
        let _ = request.respond(response);
    }
}
