//! What stands in for IAM is always prompt, whole and consistent; the real one is not. This stands between.

use std::sync::Arc;

use tenantry_testkit::stack;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What becomes of one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It passes.
    None,
    /// It takes effect and its reply is lost.
    LoseReply,
    /// It takes effect and its reply never comes.
    Hang,
    /// It does not pass; this is answered: status and body.
    Answer(u16, String),
}

/// IAM's refusal `code`, as XML.
pub(crate) fn refusal(status: u16, code: &str) -> Fault {
    let error =
        format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>not now</Message></Error>");
    let body = format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>");
    Fault::Answer(status, body)
}

/// A URL that leads to the stack's IAM, but for what `decide` says of a request's body.
#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
pub(crate) async fn url(decide: impl Fn(&str) -> Fault + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let decide = Arc::new(decide);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let decide = decide.clone();
            tokio::spawn(async move { pass(client, &*decide).await });
        }
    });
    url
}

/// One request a connection: the SDK opens another when it is told so.
async fn pass(mut client: TcpStream, decide: &(impl Fn(&str) -> Fault + Send + Sync)) {
    let Some((head, body)) = read(&mut client).await else {
        return;
    };
    let fault = decide(&body);
    if let Fault::Answer(status, text) = fault {
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
        );
        client.write_all(answer.as_bytes()).await.ok();
        return;
    }
    let reply = forward(&head, &body).await;
    match fault {
        Fault::None => drop(client.write_all(&reply).await),
        Fault::LoseReply | Fault::Answer(..) => {}
        Fault::Hang => std::future::pending().await,
    }
}

async fn forward(head: &str, body: &str) -> Vec<u8> {
    let address = stack().aws_url();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut upstream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nconnection: close\r\n\r\n{body}");
    upstream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    upstream.read_to_end(&mut reply).await.unwrap();
    reply
}

/// A request's head, without its last line end, and its body.
async fn read(client: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return Some((head.to_owned(), body.to_owned()));
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn length(head: &str) -> usize {
    let header = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    header.map_or(0, |value| value.trim().parse().unwrap())
}
