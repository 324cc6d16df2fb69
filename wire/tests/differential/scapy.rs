//! scapy's frames read by us, and ours read by scapy.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use wire::Malformed;

use crate::random::Random;
use crate::{generate, installed, ours};

const SEED: u64 = 5;
/// scapy is slow: about a millisecond for each.
const THEIRS: usize = 1500;
const OURS: usize = 1000;

/// WIRE-01: what scapy put into a frame we read out of it; what we put into one, scapy reads, and
/// its checksums are ours. A third of ours has a damaged payload or transport header.
#[test]
fn scapy_reads_and_writes_the_same() {
    let mut random = Random(SEED);
    let frames: Vec<Vec<u8>> = (0..OURS).map(|index| frame(&mut random, index % 3 == 2)).collect();
    let text = run(&frames);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), THEIRS + OURS, "a line for each frame");
    let mut compared = 0;
    let mut faults = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let (digits, fields) = line.split_once('\t').expect("a frame and its fields");
        let reading = ours::read(&hex(digits));
        match reading.refused {
            Some((_, Malformed::Checksum)) if index >= THEIRS => {}
            Some(why) => faults.push(format!("{why:?}: {line}")),
            None => {}
        }
        for (name, theirs) in fields.split('\t').filter_map(|field| field.split_once('=')) {
            let Some(values) = reading.fields.get(name) else {
                // Refused for its checksum: scapy must say so as well.
                let status = name.ends_with("checksum.status");
                let wrong = index < THEIRS || status && theirs != "0";
                if wrong {
                    faults.push(format!("{name}={theirs}, not read by ours: {line}"));
                }
                continue;
            };
            compared += 1;
            if values[0] != theirs {
                faults.push(format!("{name}: ours {}, scapy's {theirs}: {line}", values[0]));
            }
        }
    }
    let shown = faults[..faults.len().min(20)].join("\n");
    assert!(faults.is_empty(), "{} differences:\n{shown}", faults.len());
    assert!(compared > 8 * lines.len(), "{compared} fields compared");
}

/// Whole packets only, and damage behind the IP header: scapy does not judge lengths. What it reads
/// in depth it would write anew to sum it, and not byte for byte; that is left to tshark.
fn frame(random: &mut Random, damaged: bool) -> Vec<u8> {
    loop {
        let mut frame = generate::frame(random);
        let reading = ours::read(&frame);
        let deep = ["llc.dsap", "dhcp.type", "dhcpv6.msgtype", "dns.id", "icmp.ext.version"];
        if deep.iter().any(|field| reading.fields.contains_key(field)) {
            continue;
        }
        let layer = ["tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status"];
        let has_sum = layer.iter().any(|status| reading.fields.contains_key(status));
        if !damaged {
            return frame;
        }
        // TCP's sequence number, UDP's checksum, an echo's identifier.
        let is_plain = has_sum && frame[12..14] == [8, 0] && frame[14] == 0x45;
        if is_plain {
            let at = 40 + random.below(2);
            frame[at] ^= 1 << random.below(8);
            return frame;
        }
    }
}

fn run(frames: &[Vec<u8>]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/scapy_frames.py");
    // The system's own interpreter: that is where the package is.
    let mut command = Command::new("/usr/bin/python3");
    command.args([script, &SEED.to_string(), &THEIRS.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = installed(command.spawn(), "/usr/bin/python3", "python3");
    let mut stdin = child.stdin.take().expect("piped");
    let input: String = frames.iter().map(|frame| digits(frame) + "\n").collect();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it was started");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "scapy does not run: install the package python3-scapy (make test-deps)\n{complaints}"
    );
    writer.join().expect("no panic").expect("scapy reads every frame");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn digits(frame: &[u8]) -> String {
    frame.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(byte).collect()
}
