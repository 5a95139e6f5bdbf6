//! Names that are looked up and connections that are tried. Owns who is asked and how the answers are told.

use super::{Seen, lasting};
use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;

/// The port on which names are looked up.
const DNS: u16 = 53;

/// Looks a name up and compares its addresses with what is expected.
pub(super) async fn look_up(name: &str, expect: Option<&[String]>, server: Option<&str>, patience: Duration) -> Seen {
    let asked = server.map_or(String::new(), |s| format!(", says {s}"));
    let asking = async {
        match server {
            None => by_machine(name).await,
            Some(server) => by_server(name, server, patience).await,
        }
    };
    let found = match tokio::time::timeout(patience, asking).await {
        Err(_) => return Seen::bad(format!("{name} was not looked up{asked}: no answer within {}", lasting(patience.as_secs()))),
        Ok(Err(why)) => return Seen::bad(format!("{name} was not looked up{asked}: {why}")),
        Ok(Ok(found)) => found,
    };
    if found.is_empty() {
        return Seen::bad(format!("nobody knows {name}{asked}"));
    }
    // As `expect` was read: in the same spelling.
    let all = |list: &[String]| list.join(", ");
    let found: Vec<String> = found.iter().map(IpAddr::to_string).collect();
    let same = expect.is_none_or(|e| e.iter().collect::<BTreeSet<_>>() == found.iter().collect::<BTreeSet<_>>());
    match (same, expect) {
        (false, Some(expect)) => Seen::bad(format!("{name} is {}, not {}{asked}", all(&found), all(expect))),
        _ => Seen::good(format!("{name} is {}{asked}", all(&found))),
    }
}

/// As every program of this machine sees it.
async fn by_machine(name: &str) -> Result<BTreeSet<IpAddr>, String> {
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => Ok(found.map(|a| a.ip()).collect()),
        // The system tells a name that nobody knows from a failure in no portable way.
        Err(_) => Ok(BTreeSet::new()),
    }
}

/// As a certain server has it: nothing of this machine's own names counts.
async fn by_server(name: &str, server: &str, patience: Duration) -> Result<BTreeSet<IpAddr>, String> {
    let wrong = || format!("`{server}` is no address of a server");
    let at: SocketAddr = match server.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, DNS),
        Err(_) => server.parse().map_err(|_| wrong())?,
    };
    let mut ways = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    ways.iter_mut().for_each(|way| way.port = at.port());
    let config = ResolverConfig::from_name_servers(vec![NameServerConfig::new(at.ip(), true, ways)]);
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.timeout = patience;
    options.attempts = 1;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    let resolver = builder.build().map_err(|_| "the question could not be put".to_owned())?;
    // With the dot at its end nothing is added to the name.
    let whole = format!("{}.", name.trim_end_matches('.'));
    match resolver.lookup_ip(whole).await {
        Ok(found) => Ok(found.iter().collect()),
        Err(e) if e.is_no_records_found() => Ok(BTreeSet::new()),
        Err(_) => Err("the server gave no answer".to_owned()),
    }
}

/// Tries a connection and compares what it meets with what is expected.
pub(super) async fn connect(host: &str, port: u16, open: bool, patience: Duration) -> Seen {
    let shown = format!("{host}:{port}");
    // A name that is misspelt is not closed.
    let known = tokio::time::timeout(patience, by_machine(host)).await;
    if !matches!(&known, Ok(Ok(found)) if !found.is_empty()) {
        return Seen::bad(format!("{shown} was not tried: nobody knows {host}"));
    }
    let (is_open, why) = match tokio::time::timeout(patience, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => (true, String::new()),
        Ok(Err(e)) if e.kind() == ErrorKind::ConnectionRefused => (false, "nobody listens there".to_owned()),
        Ok(Err(e)) => (false, e.kind().to_string()),
        Err(_) => (false, format!("no answer within {}", lasting(patience.as_secs()))),
    };
    match (open, is_open) {
        (true, true) => Seen::good(format!("{shown} is open")),
        (true, false) => Seen::bad(format!("{shown} is closed: {why}")),
        (false, true) => Seen::bad(format!("{shown} is open, and has to be closed")),
        (false, false) => Seen::good(format!("{shown} is closed: {why}")),
    }
}
