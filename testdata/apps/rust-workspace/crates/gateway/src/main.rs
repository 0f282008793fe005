//! Answers each request with a page, with the standard library alone.

mod stop;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    stop::on_sigterm();
    let port = std::env::var("PORT").unwrap_or_else(|_| "5000".to_string());
    for client in TcpListener::bind(format!("0.0.0.0:{port}"))?.incoming() {
        let mut client = client?;
        let mut head = BufReader::new(client.try_clone()?);
        let mut line = String::new();
        while head.read_line(&mut line)? > 2 {
            line.clear();
        }
        let body = text::page(0);
        // A client that went away needs no answer.
        let _ = write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    }
    Ok(())
}
