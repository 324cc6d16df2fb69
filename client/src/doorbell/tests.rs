//! The doorbell as poll sees it.

use super::*;

fn ready(doorbell: &Doorbell) -> (bool, bool) {
    let mut fds = [PollFd::new(doorbell, PollFlags::IN | PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec::default())).unwrap();
    let events = fds[0].revents();
    (events.contains(PollFlags::IN), events.contains(PollFlags::OUT))
}

#[test]
fn each_direction_is_level_triggered() {
    let (doorbell, bell) = pair().unwrap();
    assert_eq!(ready(&doorbell), (false, true));
    bell.ring();
    bell.ring();
    assert_eq!(ready(&doorbell), (true, true));
    assert_eq!(ready(&doorbell), (true, true));
    doorbell.fill();
    assert_eq!(ready(&doorbell), (true, false));
    doorbell.silence();
    assert_eq!(ready(&doorbell), (false, false));
    bell.open();
    assert_eq!(ready(&doorbell), (false, true));
    assert!(!doorbell.is_rung());
}

#[test]
fn any_number_of_rings_neither_blocks_nor_outlasts_one_silence() {
    let (doorbell, bell) = pair().unwrap();
    for _ in 0..20_000 {
        bell.ring();
    }
    assert!(doorbell.is_rung());
    doorbell.silence();
    assert_eq!(ready(&doorbell), (false, true));
    for _ in 0..100 {
        doorbell.fill();
        bell.open();
    }
    assert_eq!(ready(&doorbell), (false, true));
}

#[test]
fn waiting_ends_by_an_event_or_by_the_deadline() {
    let (doorbell, bell) = pair().unwrap();
    let soon = Instant::now() + Duration::from_millis(20);
    let error = wait(doorbell.as_fd(), PollFlags::IN, Some(soon)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(Instant::now() >= soon);
    let other = std::thread::spawn(move || bell.ring());
    wait(doorbell.as_fd(), PollFlags::IN, None).unwrap();
    other.join().unwrap();
}
