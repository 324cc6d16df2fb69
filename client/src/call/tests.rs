//! Bodies: their JSON, and errors on their way through it.

use std::io::ErrorKind;

use super::*;

/// IPC-04: the member names on the wire.
#[test]
fn calls_have_the_members_of_the_protocol() {
    let call = ControlCall::new("link", "show");
    assert_eq!(
        serde_json::to_value(&call).unwrap(),
        json!({"api": "link", "method": "show", "ifindex": null, "args": {}})
    );
    assert_eq!(
        serde_json::to_value(SocketCall::new(verb::CLOSE, None, &())).unwrap(),
        json!({"method": "close", "handle": null, "args": {}})
    );
}

#[test]
fn missing_members_have_defaults_and_new_ones_are_ignored() {
    let call: SocketCall = serde_json::from_value(json!({"method": "socket", "later": 1})).unwrap();
    assert_eq!(call, SocketCall::new("socket", None, &()));
}

/// IPC-11: an errno survives the trip, and so does its class.
#[test]
fn errors_with_errno_come_out_as_they_were() {
    for (errno, class) in [
        (11, "BlockingIOError"),
        (111, "ConnectionRefusedError"),
        (104, "ConnectionResetError"),
        (110, "TimeoutError"),
        (101, "OSError"),
    ] {
        let body = ErrorBody::from_io(&io::Error::from_raw_os_error(errno));
        assert_eq!((body.kind.as_str(), body.errno), (class, Some(errno)));
        let text = serde_json::to_string(&body).unwrap();
        let back: ErrorBody = serde_json::from_str(&text).unwrap();
        assert_eq!(io::Error::from(back).raw_os_error(), Some(errno));
    }
    let refused = ErrorBody::from_errno(111, "");
    assert_eq!(refused.strerror.as_deref(), Some("Connection refused"));
}

#[test]
fn a_control_error_keeps_its_message_through_io() {
    let body = ErrorBody::from_errno(19, "no interface tap9");
    let error = body.clone().into_io();
    assert_eq!(error.to_string(), "no interface tap9");
    assert_eq!(ErrorBody::from_io(&error), body);
    let error = ErrorBody::new("ValueError", "bad prefix").into_io();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, "bad prefix"));
}

#[test]
fn an_error_without_errno_gets_that_of_its_kind() {
    let error = io::Error::new(ErrorKind::AddrInUse, "port 80 is taken");
    let body = ErrorBody::from_io(&error);
    assert_eq!((body.errno, body.message.as_str()), (Some(98), "port 80 is taken"));
    let body = ErrorBody::from_io(&ErrorKind::WouldBlock.into());
    assert_eq!((body.errno, body.kind.as_str()), (Some(11), "BlockingIOError"));
    assert_eq!(ErrorBody::from_io(&io::Error::other("odd")).errno, None);
}

#[test]
fn names_are_checked() {
    let name = Name { address: "fe80::1".into(), port: 7 };
    assert_eq!(SocketAddr::try_from(&name).unwrap().to_string(), "[fe80::1]:7");
    let name = Name { address: "tap7".into(), port: 7 };
    assert_eq!(SocketAddr::try_from(&name).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(object([("a", json!(1)), ("b", json!("c"))]), json!({"a": 1, "b": "c"}));
}
