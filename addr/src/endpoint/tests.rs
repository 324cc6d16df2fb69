//! Tests of `endpoint`.

use proptest::prelude::*;

use super::*;

#[test]
fn text_forms() {
    for text in ["10.0.0.1:80", "[::1]:80", "[2001:db8::1]:0"] {
        assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
    }
    let refused = [
        ("10.0.0.1", Problem::PortMissing, 8),
        ("10.0.0:80", Problem::TooFewParts, 6),
        ("10.0.0.1:", Problem::MissingDigits, 9),
        ("10.0.0.1:65536", Problem::NumberTooLarge, 9),
        ("10.0.0.1:8O", Problem::UnexpectedCharacter, 10),
        ("[::1]", Problem::PortMissing, 4),
        ("[::1:80", Problem::PortMissing, 7),
        ("[::g]:80", Problem::UnexpectedCharacter, 3),
        ("::1:80", Problem::Empty, 0),
        ("host:80", Problem::UnexpectedCharacter, 0),
        ("", Problem::Empty, 0),
    ];
    for (text, problem, at) in refused {
        let error = text.parse::<Endpoint>().unwrap_err();
        assert_eq!((error.problem(), error.position()), (problem, Some(at)), "{text}");
        assert_eq!(error.subject(), Subject::Endpoint);
    }
}

#[test]
fn keys_have_no_padding() {
    assert_eq!((size_of::<Endpoint>(), size_of::<FlowKey>()), (18, 36));
}

#[test]
fn a_flow_seen_from_the_other_end() {
    let key = FlowKey::new("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
    assert_eq!(key.reversed().reversed(), key);
    assert_eq!(key.to_string(), "10.0.0.1:1 <-> 10.0.0.2:2");
}

proptest! {
    #[test]
    fn standard_form_and_back(octets: [u8; 16], port: u16) {
        let endpoint = Endpoint::new(Ip::v6(octets), port);
        prop_assert_eq!(Endpoint::from(endpoint.to_std()), endpoint);
        prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
    }
}
