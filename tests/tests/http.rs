//! `curl` of 100 MB both ways with hashes compared, and the page of the live state.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tests::{Backend, FAMILIES, Lab};

const BYTES: usize = 100_000_000;

fn host(ip: std::net::IpAddr) -> String {
    if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }
}

/// What `/bytes/N` promises: the numbers 0 to 250 over and over.
fn promised() -> Vec<u8> {
    (0..251_u8).cycle().take(BYTES).collect()
}

fn hex(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn curls(backend: Backend) {
    let lab = Lab::start("http", backend);
    let file = Scratch(std::env::temp_dir().join(format!("{}.bin", lab.space.name())));
    let path = file.0.to_str().expect("path");
    let data = promised();
    let hash = hex(&data);
    for family in FAMILIES {
        let url = format!("http://{}", host(family.stack));
        let down = format!("curl -gsS --fail --max-time 120 -o {path} {url}/bytes/{BYTES}");
        let out = lab.space.shell(&down);
        assert!(out.status.success(), "{down}: {}", String::from_utf8_lossy(&out.stderr));
        let got = fs::read(path).expect("the file");
        assert_eq!((got.len(), hex(&got)), (BYTES, hash.clone()), "download over {family:?}");

        let up = format!("curl -gsS --fail --max-time 120 -T {path} {url}/upload");
        let out = lab.space.shell(&up);
        assert!(out.status.success(), "{up}: {}", String::from_utf8_lossy(&out.stderr));
        let answer: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        assert_eq!((&answer["bytes"], &answer["sha256"]), (&BYTES.into(), &hash.clone().into()));
    }
}

#[test]
fn a_hundred_megabytes_both_ways_over_tap() {
    curls(Backend::Tap);
}

#[test]
fn a_hundred_megabytes_both_ways_over_tun() {
    curls(Backend::Tun);
}

#[test]
fn a_hundred_megabytes_both_ways_over_af_xdp() {
    curls(Backend::Xdp);
}

#[test]
fn the_page_shows_the_live_state() {
    let lab = Lab::start("page", Backend::Tap);
    let page = lab.space.shell("curl -sS --fail http://10.0.1.7/");
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    for part in ["tap7", "10.0.1.7/24", "10.0.1.1", "LISTEN", "tcp_segments_in"] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    let state = lab.space.shell("curl -gsS --fail http://[2001:db8:0:1::7]/state.json");
    let state: Value = serde_json::from_slice(&state.stdout).expect("JSON");
    assert!(state.is_object());
    let missing = lab.space.shell("curl -sS -o /dev/null -w %{http_code} http://10.0.1.7/nothing");
    assert_eq!(missing.stdout, b"404");
}
