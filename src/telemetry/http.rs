//! The operator's window: `/metrics`, `/healthz`, `/readyz`, `/status`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Metrics, StatusBoard, TelemetryError};

/// How long a loop may be silent before `/healthz` fails. Longer than any single step: a lane may encode for seconds.
pub const STALLED: Duration = Duration::from_secs(60);

/// Where to go from here, for people.
const INDEX: &str = "alluvium\n\n\
    /status   what each partition is doing, and why (JSON)\n\
    /metrics  counters and gauges (OpenMetrics)\n\
    /readyz   200 once started while Kafka and the store answer and the store takes writes, else 503 with the reasons\n\
    /healthz  200 while every loop comes round, else 503 with those that do not\n";

/// A bound listener; nothing is served before [`Server::serve`].
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    source: Source,
}

#[derive(Clone, Debug)]
struct Source {
    board: StatusBoard,
    metrics: Metrics,
}

impl Server {
    pub async fn bind(address: SocketAddr, board: StatusBoard, metrics: Metrics) -> Result<Server, TelemetryError> {
        let failed = |cause| TelemetryError::Bind { address, cause };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        // Port 0 asks the system to choose.
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server { listener, address, source: Source { board, metrics } })
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled, then ends after the answers under way.
    pub async fn serve(self, stop: CancellationToken) -> std::io::Result<()> {
        let router = Router::new()
            .route("/", get(async || INDEX))
            .route("/metrics", get(metrics))
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/status", get(status))
            .with_state(self.source);
        axum::serve(self.listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

async fn metrics(State(source): State<Source>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, source.metrics.render())
}

async fn status(State(source): State<Source>) -> impl IntoResponse {
    axum::Json(source.board.status())
}

async fn readyz(State(source): State<Source>) -> Response {
    verdict("ready", &source.board.not_ready())
}

async fn healthz(State(source): State<Source>) -> Response {
    let stalled = source.board.stalled(STALLED);
    let words = |(name, silent): &(String, Duration)| format!("{name} has not come round for {} s", silent.as_secs());
    verdict("alive", &stalled.iter().map(words).collect::<Vec<_>>())
}

fn verdict(good: &str, faults: &[String]) -> Response {
    if faults.is_empty() {
        return format!("{good}\n").into_response();
    }
    let text: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::{Edge, PartitionState, PartitionStatus, Problem};
    use super::*;
    use crate::domain::{MemoryBudget, Offset, Topic, TopicPartition};

    struct Running {
        board: StatusBoard,
        address: SocketAddr,
        stop: CancellationToken,
        served: tokio::task::JoinHandle<std::io::Result<()>>,
    }

    async fn start() -> Running {
        let board = StatusBoard::new("alluvium-0", MemoryBudget::new(1000));
        let metrics = Metrics::new(board.clone());
        let server = Server::bind(([127, 0, 0, 1], 0).into(), board.clone(), metrics).await.unwrap();
        let (address, stop) = (server.address(), CancellationToken::new());
        Running { board, address, served: tokio::spawn(server.serve(stop.clone())), stop }
    }

    impl Running {
        /// Returns status code, head and body.
        async fn get(&self, path: &str) -> (u16, String, String) {
            let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head[9..12].parse().unwrap(), head.to_owned(), body.to_owned())
        }
    }

    #[tokio::test]
    async fn ready_follows_the_edges_and_says_why_not() {
        let server = start().await;
        let (code, _, body) = server.get("/readyz").await;
        assert_eq!(
            (code, body.as_str()),
            (
                503,
                "not started: starting\nkafka has not answered yet\nstore has not answered yet\nstore has not taken a write yet\n"
            )
        );
        server.board.started();
        server.board.answered(Edge::Kafka);
        server.board.answered(Edge::Store);
        server.board.answered(Edge::StoreWrites);
        assert_eq!(server.get("/readyz").await.0, 200);
        server.board.troubled(Edge::Kafka, "all brokers are down");
        let (code, _, body) = server.get("/readyz").await;
        assert!(code == 503 && body.ends_with("all brokers are down\n"), "{code} {body}");
        assert_eq!(server.get("/healthz").await.0, 200);
        server.stop.cancel();
        server.served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn status_tells_a_partition_with_its_lag_and_its_problem() {
        let server = start().await;
        let mut partition = PartitionStatus::new(PartitionState::Stopped);
        (partition.done, partition.stable_end) = (Some(Offset(2)), Some(Offset(5)));
        partition.problem = Some(Problem { cause: "the log changed".into(), remedy: "look".into() });
        server.board.set(&TopicPartition::new("t", 7), partition);
        server.board.refuse(&Topic::new("x"), Problem { cause: "no message".into(), remedy: "add it".into() });
        let (code, head, body) = server.get("/status").await;
        assert!(code == 200 && head.contains("content-type: application/json"), "{head}");
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        let partition = &json["partitions"][0];
        assert_eq!(partition["topic"], "t");
        assert_eq!(partition["state"], "stopped");
        assert_eq!(partition["lag_records"], 3);
        assert_eq!(partition["problem"]["cause"], "the log changed");
        assert_eq!(json["refused_topics"]["x"]["remedy"], "add it");
        assert_eq!(json["ready"], false);
        server.stop.cancel();
    }

    #[tokio::test]
    async fn metrics_are_openmetrics_and_the_index_names_every_page() {
        let server = start().await;
        let (code, head, body) = server.get("/metrics").await;
        assert!(code == 200 && head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
        assert!(body.ends_with("# EOF\n"));
        let index = server.get("/").await.2;
        for page in ["/status", "/metrics", "/readyz", "/healthz"] {
            assert!(index.contains(page));
        }
        assert_eq!(server.get("/nothing").await.0, 404);
        server.stop.cancel();
    }

    #[tokio::test]
    async fn a_taken_port_is_refused_with_the_address_and_the_key() {
        let server = start().await;
        let again = Server::bind(server.address, server.board.clone(), Metrics::new(server.board.clone())).await;
        let error = again.unwrap_err().to_string();
        assert!(error.contains(&server.address.to_string()) && error.contains("`http:`"), "{error}");
        server.stop.cancel();
    }
}
