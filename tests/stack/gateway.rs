//! A gateway before the S3 service that knows requests apart: it lets them wait, fails them, or loses their answers.
//!
//! One connection carries one request; both sides are told so. A request that waits is held here and not in its sender, so it
//! arrives later even if the sender is dead by then, as one that was long in a network does.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

/// Which requests are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// `PUT`, `GET`, `HEAD` or `LIST`.
    pub method: &'static str,
    /// A part of the key, or of the prefix that is listed.
    pub part: &'static str,
    pub side: Side,
}

/// Whether a fault comes before the request has its effect, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// What is done to a request.
#[derive(Clone)]
pub enum Fault {
    /// It waits, and whoever takes the other end decides.
    Hold(mpsc::UnboundedSender<Held>),
    /// The connection is torn.
    Tear,
    /// This status and error code come back.
    Answer(u16, &'static str),
}

/// A request that waits. Dropped, its connection is torn and it goes no further.
pub struct Held(oneshot::Sender<()>);

impl Held {
    pub fn go_on(self) {
        self.0.send(()).ok();
    }
}

struct Rule {
    point: Point,
    /// How many requests that fit are let pass first.
    skip: usize,
    left: usize,
    fault: Fault,
}

struct Shared {
    server: String,
    rules: Mutex<Vec<Rule>>,
    /// First lines of requests that an archive may not make.
    forbidden: Mutex<Vec<String>>,
}

pub struct Gateway {
    pub port: u16,
    shared: Arc<Shared>,
    up: watch::Sender<bool>,
}

impl Gateway {
    /// Leads to `server`, an address of host and port.
    pub async fn to(server: &str) -> Gateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared =
            Arc::new(Shared { server: server.to_owned(), rules: Mutex::default(), forbidden: Mutex::default() });
        let (up, state) = watch::channel(true);
        let taken = shared.clone();
        // Ends with the test's runtime.
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, mut up) = (taken.clone(), state.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        biased;
                        _ = up.wait_for(|up| !up) => {}
                        _ = pass(client, &shared) => {}
                    }
                });
            }
        });
        Gateway { port, shared, up }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Does `fault` to `count` requests at a point, after letting `skip` pass.
    pub fn on(&self, point: Point, skip: usize, count: usize, fault: Fault) {
        self.shared.rules.lock().unwrap().push(Rule { point, skip, left: count, fault });
    }

    /// Returns where the next request at a point arrives, to be held.
    pub fn hold(&self, point: Point, skip: usize) -> mpsc::UnboundedReceiver<Held> {
        let (sender, held) = mpsc::unbounded_channel();
        self.on(point, skip, 1, Fault::Hold(sender));
        held
    }

    /// How many requests have yet to meet a fault.
    pub fn left(&self) -> usize {
        self.shared.rules.lock().unwrap().iter().map(|rule| rule.left).sum()
    }

    /// Returns the first lines of requests that an archive may not make.
    pub fn forbidden(&self) -> Vec<String> {
        self.shared.forbidden.lock().unwrap().clone()
    }

    /// Forgets all faults to come.
    pub fn heal(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    pub fn cut(&self) {
        self.up.send_replace(false);
    }

    pub fn mend(&self) {
        self.up.send_replace(true);
    }
}

impl Shared {
    fn fault(&self, method: &str, key: &str, side: Side) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        for rule in rules.iter_mut().filter(|rule| rule.left > 0) {
            let Point { method: of, part, side: at } = rule.point;
            if of != method || at != side || !key.contains(part) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.left -= 1;
            return Some(rule.fault.clone());
        }
        None
    }

    /// Returns what is to be answered instead of going on; nothing where it goes on. An error tears the connection.
    async fn meet(&self, method: &str, key: &str, side: Side) -> io::Result<Option<Vec<u8>>> {
        let torn = || io::Error::from(io::ErrorKind::ConnectionAborted);
        match self.fault(method, key, side) {
            None => Ok(None),
            Some(Fault::Tear) => Err(torn()),
            Some(Fault::Hold(tell)) => {
                let (sender, held) = oneshot::channel();
                tell.send(Held(sender)).map_err(|_| torn())?;
                held.await.map(|()| None).map_err(|_| torn())
            }
            Some(Fault::Answer(status, code)) => {
                let body = format!("<Error><Code>{code}</Code><Message>made</Message></Error>");
                let length = body.len();
                Ok(Some(format!("HTTP/1.1 {status} {code}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()))
            }
        }
    }
}

/// What an archive may ask: it deletes nothing, and overwrites facts about its progress alone.
fn is_allowed(method: &str, key: &str, request: &[u8]) -> bool {
    let create_only = || request.windows(16).any(|part| part.eq_ignore_ascii_case(b"if-none-match: *"));
    match method {
        "GET" | "HEAD" | "LIST" => true,
        "PUT" => key.contains("/progress/") || create_only(),
        _ => false,
    }
}

/// Passes one request on, and its answer back.
async fn pass(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let request = read(&mut client, true).await?;
    let line = String::from_utf8_lossy(&request[..request.iter().position(|byte| *byte == b'\r').unwrap_or(0)]);
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default());
    let target = target.replace("%2F", "/");
    let method = if target.contains("list-type=") { "LIST".to_owned() } else { method };
    if !is_allowed(&method, &target, &request) {
        shared.forbidden.lock().unwrap().push(line.clone().into_owned());
    }

    let mut answer = shared.meet(&method, &target, Side::Before).await?;
    if answer.is_none() {
        let mut server = TcpStream::connect(&shared.server).await?;
        server.write_all(&closing(&request)).await?;
        let theirs = read(&mut server, method != "HEAD").await?;
        answer = shared.meet(&method, &target, Side::After).await?.or(Some(theirs));
    }
    client.write_all(&closing(&answer.unwrap_or_default())).await?;
    client.shutdown().await
}

/// Adds a header by which the connection ends with this message.
fn closing(message: &[u8]) -> Vec<u8> {
    let end = message.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
    [&message[..end], b"connection: close\r\n", &message[end..]].concat()
}

/// Reads one message whole: as long as it says, or to the end where it does not say.
async fn read(stream: &mut TcpStream, has_body: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let value = |name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    if value("expect:").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let is_answer = text.starts_with("http/");
    match value("content-length:").and_then(|length| length.parse::<usize>().ok()) {
        _ if !has_body => {}
        Some(length) => {
            while bytes.len() < head + length {
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        None if is_answer => while stream.read_buf(&mut bytes).await? > 0 {},
        None => {}
    }
    Ok(bytes)
}
