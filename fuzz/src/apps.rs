//! DHCP for both families and DNS.

use wire::dhcpv4_options::OptionWriter as V4Writer;
use wire::dhcpv6_options::OptionWriter as V6Writer;
use wire::dns::{self as dns_wire, Question, Record};
use wire::{dhcpv4 as v4, dhcpv6 as v6};

pub(crate) fn dhcpv4(bytes: &[u8]) {
    let Ok(message) = v4::parse(bytes) else { return };
    let _ = (message.to_string(), message.options.client_id(), message.options.prefix());
    let mut options = V4Writer::new(message.kind);
    let put = message.options.iter().filter(|option| options.put(option)).count();
    assert!(put <= bytes.len());
    let mut again = vec![0; 4096];
    let len = v4::emit(&mut again, &message.header, &options).expect("room");
    // What the server must send may have been too much for the writer.
    if let Ok(read) = v4::parse(&again[..len]) {
        assert_eq!((read.header, read.kind), (message.header, message.kind));
    }
}

pub(crate) fn dhcpv6(bytes: &[u8]) {
    let Ok(message) = v6::parse(bytes) else { return };
    let _ = (message.to_string(), message.options.status(), message.options.addresses().count());
    let _ = message.options.name_servers().count();
    assert!(message.options.iter().count() * 4 <= bytes.len());
    let mut again = vec![0; bytes.len()];
    let len = v6::emit(&mut again, message.kind, message.transaction, message.options);
    assert_eq!(len, Ok(bytes.len()));
    assert_eq!(again, *bytes);
    for option in message.options.iter() {
        let mut first = V6Writer::<4096>::new();
        if first.put(&option) {
            let once = first.options().iter().next().expect("what was written");
            let mut second = V6Writer::<4096>::new();
            assert!(second.put(&once));
            assert_eq!(second.options().iter().next(), Some(once));
        }
    }
}

pub(crate) fn dns(bytes: &[u8]) {
    let Ok(message) = dns_wire::parse(bytes) else { return };
    let _ = (message.to_string(), message.edns());
    let questions: Vec<Question<'_>> = message.questions().collect();
    let answers: Vec<Record<'_>> = message.answers().collect();
    let _ = (message.authority().count(), message.additional().count());
    // Written without pointers a message grows; what does not fit is left out here.
    let mut again = vec![0; 65535];
    let mut writer = dns_wire::Writer::new(&mut again, message.header);
    let asked = questions.iter().take(50).all(|question| writer.question(question));
    let written =
        answers.iter().take(50).map_while(|answer| writer.answer(answer).then_some(answer));
    let written: Vec<&Record<'_>> = written.collect();
    assert!(asked, "fifty names fit");
    let len = writer.finish().expect("room");
    let read = dns_wire::parse(&again[..len]).expect("what was written");
    assert!(read.questions().eq(questions.into_iter().take(50)));
    assert!(read.answers().eq(written.into_iter().copied()));
}
