//! What is linked in keeps to `deny.toml`.
//!
//! The file is that of cargo-deny. Building cargo-deny takes longer than all tests, so this reads
//! what we use of it: allowed licences, crates that may not come in, duplicates and sources.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde::Deserialize;

use crate::{Breach, Kind};

#[derive(Deserialize)]
struct Config {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    clarify: Vec<Clarify>,
}

#[derive(Deserialize)]
struct Clarify {
    #[serde(rename = "crate")]
    name: String,
    expression: String,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Named>,
    skip: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for a crate of the workspace.
    source: Option<String>,
}

/// The one registry that crates come from, as cargo names it.
const REGISTRY_SUFFIX: &str = "crates.io-index";

/// Adds a breach for each crate that `deny.toml` does not allow.
pub fn check(root: &Path, found: &mut Vec<Breach>) {
    let mut add = |file: &str, text| {
        found.push(Breach { kind: Kind::Dependency, file: file.to_owned(), text });
    };
    match read(root) {
        Ok((config, packages)) => {
            for text in breaches(&config, &packages) {
                add("Cargo.lock", text);
            }
        }
        Err(fault) => add("deny.toml", fault),
    }
}

fn read(root: &Path) -> Result<(Config, Vec<Package>), String> {
    let text = fs::read_to_string(root.join("deny.toml")).map_err(|error| error.to_string())?;
    let config: Config = toml::from_str(&text).map_err(|error| error.to_string())?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = Command::new(cargo);
    metadata.current_dir(root).args(["metadata", "--locked", "--format-version=1"]);
    for target in &config.graph.targets {
        metadata.args(["--filter-platform", target]);
    }
    let out = metadata.output().map_err(|error| format!("cargo metadata: {error}"))?;
    if !out.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&out.stderr)));
    }
    let metadata: Metadata =
        serde_json::from_slice(&out.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok((config, metadata.packages))
}

fn breaches(config: &Config, packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    let mut versions = BTreeMap::<&str, Vec<&str>>::new();
    for package in packages {
        let (name, version) = (package.name.as_str(), package.version.as_str());
        versions.entry(name).or_default().push(version);
        let Some(source) = &package.source else { continue };
        if !source.ends_with(REGISTRY_SUFFIX) {
            found.push(format!("{name} {version} comes from {source}"));
        }
        let clarified = config.licenses.clarify.iter().find(|clarify| clarify.name == name);
        let license = clarified.map(|clarify| &clarify.expression).or(package.license.as_ref());
        if !license.is_some_and(|license| allows(license, &config.licenses.allow)) {
            let license = license.map_or("no licence", String::as_str);
            found.push(format!("{name} {version} is under {license}: see [licenses] in deny.toml"));
        }
        if config.bans.deny.iter().any(|named| is_meant(named, name, version)) {
            found.push(format!("{name} may not come in: see [bans] in deny.toml"));
        }
    }
    for (name, versions) in versions {
        let skipped =
            |version: &&&str| config.bans.skip.iter().any(|named| is_meant(named, name, version));
        let left = versions.len() - versions.iter().filter(skipped).count();
        if left > 1 {
            let versions = versions.join(", ");
            found.push(format!("{name} is there as {versions}: join them, or skip in deny.toml"));
        }
    }
    found
}

/// Whether `name` or `name@version` with as many parts of the version as wanted means this crate.
fn is_meant(named: &Named, name: &str, version: &str) -> bool {
    let (wanted, prefix) = named.name.split_once('@').unwrap_or((&named.name, ""));
    let rest = version.strip_prefix(prefix);
    wanted == name && rest.is_some_and(|r| prefix.is_empty() || r.is_empty() || r.starts_with('.'))
}

/// Whether an SPDX expression can be met with `allowed` licences. The old form `MIT/Apache-2.0`
/// means either.
fn allows(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any_of(&words, &mut at, allowed);
    met && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all_of(words, at, allowed);
    }
    met
}

fn all_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = any_of(words, at, allowed);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        let license = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return allowed.contains(&license);
    }
    allowed.iter().any(|license| license == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_met_or_not() {
        let allowed = ["MIT", "Zlib", "Unicode-3.0"].map(str::to_owned);
        for met in ["MIT", "GPL-2.0 OR MIT", "GPL-2.0/MIT", "(GPL-2.0 OR MIT) AND Unicode-3.0"] {
            assert!(allows(met, &allowed), "{met}");
        }
        for not in ["GPL-2.0", "MIT AND GPL-2.0", "MIT WITH X", "(GPL-2.0 OR GPL-3.0) AND MIT", ""]
        {
            assert!(!allows(not, &allowed), "{not}");
        }
    }

    #[test]
    fn what_may_not_come_in_is_seen() {
        let config = "graph.targets = []\n[licenses]\nallow = ['MIT']\nclarify = []\n\
                      [bans]\ndeny = [{ crate = 'bad' }]\nskip = [{ crate = 'old@1' }]\n";
        let config = toml::from_str(config).unwrap();
        let package = |name: &str, version: &str, source: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some("MIT".to_owned()),
            source: Some(source.to_owned()),
        };
        let good = |name, version| package(name, version, REGISTRY_SUFFIX);
        let old = [good("old", "1.2.3"), good("old", "2.0.0")];
        assert!(breaches(&config, &old).is_empty());
        let twice = [good("new", "1.2.3"), good("new", "2.0.0")];
        assert_eq!(breaches(&config, &twice).len(), 1);
        assert_eq!(breaches(&config, &[good("bad", "1.0.0")]).len(), 1);
        assert_eq!(breaches(&config, &[package("x", "1.0.0", "git+somewhere")]).len(), 1);
        let unlicensed = Package { license: None, ..good("x", "1.0.0") };
        assert_eq!(breaches(&config, &[unlicensed]).len(), 1);
    }
}
