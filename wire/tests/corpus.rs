//! Replays the corpus that fuzzing found through every parser, each input through each of them.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

/// WIRE-05: no bytes make a parser panic or loop, and what it accepts survives being written and
/// read again. The exercises are those of the fuzz targets.
/// GAP-01.
#[test]
fn the_fuzz_corpus_does_no_harm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut inputs = Vec::new();
    for (name, _) in fuzz::ALL {
        let folder = corpus.join(name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{folder:?}: {why}"));
        let before = inputs.len();
        inputs.extend(entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()));
        assert!(inputs.len() > before, "{name} has no corpus");
    }
    inputs.push(Vec::new());
    for (name, _) in fuzz::ALL {
        inputs.iter().for_each(|input| fuzz::run(name, input));
    }
}
