//! A stack of which a thread does not start leaves no other thread behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use datapath::PairConfig;

use super::*;

/// A stack of three shards on one queue.
fn described(layout: Layout) -> Builder {
    let config = PairConfig::default();
    let [mut here, _] = datapath::pair_queues(&config, 1, [3, 1]).expect("pair");
    let interface = Interface::new("mem1").address("10.0.0.1/24".parse().expect("address"));
    let builder = Builder::new().layout(layout).shards(3).demo_services(true);
    builder.interface_on_queues(interface, vec![here.remove(0)])
}

/// RUN-01.
#[test]
fn a_thread_that_does_not_start_takes_the_others_with_it() {
    for layout in [Layout::Fused, Layout::Split] {
        let threads = 3 + usize::from(layout == Layout::Split);
        for refused in 0..threads {
            let running = Arc::new(AtomicUsize::new(0));
            let mut started = 0;
            let mut spawn_all_but_one = |name: &str, work: Work| {
                if started == refused {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                started += 1;
                running.fetch_add(1, Ordering::SeqCst);
                let running = running.clone();
                spawn(
                    name,
                    Box::new(move || {
                        work();
                        running.fetch_sub(1, Ordering::SeqCst);
                    }),
                )
            };
            let began = Instant::now();
            let result = described(layout).start_with(&mut spawn_all_but_one);
            assert!(matches!(result, Err(StartError::Os(_))), "{:?}", result.err());
            assert_eq!(running.load(Ordering::SeqCst), 0, "{layout:?}, {refused} refused");
            assert_eq!(started, refused);
            let taken = began.elapsed();
            assert!(taken < Duration::from_millis(700), "{layout:?}, {refused}: {taken:?}");
        }
    }
}
