//! What is said of wrong arguments.

use serde_json::json;

use super::*;

fn error<T: Argument>(value: Value) -> String {
    let args = json!({ "x": value });
    let args = Arguments::new("do it", &args).unwrap();
    args.required::<T>("x").err().map(|error| error.message).unwrap_or_default()
}

#[test]
fn an_error_says_which_argument_why_and_what_would_be_valid() {
    let of_v4 = "the prefix length is 0 to 32";
    for (error, message) in [
        (
            error::<Cidr>(json!("10.0.0.1/33")),
            format!("10.0.0.1/33 is no address with prefix length: {of_v4}"),
        ),
        (
            error::<Cidr>(json!("::1/129")),
            "::1/129 is no address with prefix length: the prefix length is 0 to 128".into(),
        ),
        (
            error::<Cidr>(json!("tap7/24")),
            "tap7/24 is no IPv4 or IPv6 address with prefix length".into(),
        ),
        (error::<Cidr>(json!([1])), "[1] is no IPv4 or IPv6 address with prefix length".into()),
        (error::<Ip>(json!("10.0.0")), "10.0.0 is no IPv4 or IPv6 address".into()),
        (error::<Ip>(json!("10.0.0.1 2")), "\"10.0.0.1 2\" is no IPv4 or IPv6 address".into()),
        (error::<Mac>(json!(7)), "7 is no MAC address such as 02:00:00:00:00:01".into()),
        (error::<u32>(json!(-1)), "-1 is no number from 0 to 4294967295".into()),
        (error::<u8>(json!("256")), "256 is no number from 0 to 255".into()),
        (error::<IpVersion>(json!(5)), "5 is no address family: 4 or 6".into()),
        (error::<String>(json!({})), "{} is no text".into()),
        (error::<bool>(json!(1)), "1 is neither true nor false".into()),
        (error::<Shutdown>(json!("all")), "all is none of rd, wr, rdwr".into()),
    ] {
        assert_eq!(error, format!("do it: \"x\": {message}"));
    }
    assert_eq!(error::<u8>(json!(null)), "do it: \"x\" is missing");
    let error = Arguments::new("do it", &json!([1])).err().unwrap();
    assert_eq!(error.message, "do it: \"args\": [1] is no object");
}

#[test]
fn a_name_that_the_verb_does_not_know_is_refused_with_what_may_have_been_meant() {
    let refusal = |args: Value, known: &[&'static str]| {
        let args = Arguments::new("do it", &args).unwrap();
        for name in known {
            args.optional::<u8>(name).unwrap();
        }
        args.refuse_unknown().err().map(|error| error.message)
    };
    let known = &["gateway", "metric"];
    assert_eq!(refusal(json!({"metric": 1}), known), None);
    assert_eq!(refusal(json!({"xyz": null}), &[]), None);
    assert_eq!(refusal(Value::Null, &[]), None);
    for (args, known, hint) in [
        (json!({"gatway": 1}), &known[..], "gatway; is gateway meant?"),
        (json!({"metric": 1, "xyz": 2}), known, "xyz; there is gateway | metric"),
        (json!({"x y": 1}), &[], "\"x y\"; there are none"),
    ] {
        let expected = format!("do it: no argument is called {hint}");
        assert_eq!(refusal(args, known), Some(expected));
    }
}

#[test]
fn numbers_may_come_as_text_and_null_is_absent() {
    let args = json!({"a": "7", "b": 7, "c": null});
    let args = Arguments::new("do it", &args).unwrap();
    assert_eq!(args.required::<u32>("a").unwrap(), 7);
    assert_eq!(args.required::<String>("b").unwrap(), "7");
    assert_eq!(args.optional::<u32>("c").unwrap(), None);
    assert_eq!(args.optional::<u32>("d").unwrap(), None);
}

#[test]
fn a_long_value_is_cut_and_an_odd_one_is_quoted() {
    let text = error::<u8>(json!("9".repeat(1000)));
    assert!(text.len() < 150 && text.contains("999... is no number"), "{text}");
    assert!(error::<u8>(json!("\u{1b}[2J")).contains("\"\\u001b[2J\" is no number"));
}

#[test]
fn a_slip_of_the_hand_finds_its_word() {
    let known = ["link", "address", "route"];
    assert_eq!(near("lnk", &known), ["link"]);
    assert_eq!(near("adress", &known), ["address"]);
    assert_eq!(near("frobnicate", &known), [""; 0]);
    assert_eq!(near("", &known), [""; 0]);
    assert_eq!(near("ad", &["add", "del"]), ["add"]);
    assert_eq!(edit_distance("kitten", "sitting"), 3);
}
