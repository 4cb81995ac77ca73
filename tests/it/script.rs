//! A scripted HTTP server on a socket, for answers that no emulator gives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

/// Answers every connection with the same `answer`, closes it, and tells the requests' heads.
pub struct Script {
    pub port: u16,
    heads: mpsc::Receiver<String>,
}

impl Script {
    pub fn play(answer: impl Into<String>) -> Script {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heads) = mpsc::channel();
        // Ends when the test has dropped its side.
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if respond(stream, &answer, &tell).is_none() {
                    break;
                }
            }
        });
        Script { port, heads }
    }

    pub fn requests(self) -> Vec<String> {
        self.heads.try_iter().collect()
    }
}

/// Tells the head before it answers, so that whoever has the answer has the head.
fn respond(mut stream: TcpStream, answer: &str, tell: &mpsc::Sender<String>) -> Option<()> {
    const TLS_HANDSHAKE: u8 = 22;
    let mut first = [0];
    let mut head = String::new();
    if stream.peek(&mut first).is_ok() && first[0] != TLS_HANDSHAKE {
        let mut reader = BufReader::new(&stream);
        let mut length = 0;
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).ok()? > 0 {
            if let Some((_, value)) = head.lines().last()?.split_once("content-length: ") {
                length = value.parse().ok()?;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
    }
    tell.send(head).ok()?;
    stream.write_all(answer.as_bytes()).ok()
}
