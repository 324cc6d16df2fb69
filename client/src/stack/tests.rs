//! The stack as control calls see it, of the daemon and in this process.

use serde_json::json;

use super::*;
use crate::call::{ControlCall, ErrorBody};
use crate::fake;

#[test]
fn a_refusal_keeps_its_message() {
    let (stack, _) = fake::stack(64);
    assert_eq!(stack.links().unwrap()[0].name, "tap7");
    assert_eq!(stack.routes().unwrap_err().to_string(), "no such object");

    let (session, _) = fake::daemon(|sock, message| {
        let call: ControlCall = message.parse().unwrap();
        let answer = match (call.api.as_str(), call.method.as_str()) {
            ("link", "show") => {
                message.answer(&json!([{"ifindex": 1, "name": "tap7", "kind": "tap"}]))
            }
            ("stats", "show") => message.answer(&json!(5)),
            ("address", "add") => {
                assert_eq!(call.args, json!({"address": "10.0.1.7/24", "ifname": "tap9"}));
                message.refusal(&ErrorBody::from_errno(19, "no interface tap9"))
            }
            other => panic!("{other:?}"),
        };
        crate::frame::send(sock, &answer, None).unwrap();
    });
    let stack = Stack::over(session);
    assert_eq!(stack.links().unwrap()[0].name, "tap7");
    let error = stack.address_add("tap9", "10.0.1.7/24").unwrap_err();
    assert_eq!(error.to_string(), "no interface tap9");
    assert_eq!(stack.stats().unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn without_a_daemon_the_error_says_where_it_was_sought() {
    let error = Stack::connect(Some(Path::new("/nonexistent/pytcp.sock"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot connect to /nonexistent/pytcp.sock: No such file or directory \
         (is pytcp-xdp running?)"
    );
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
