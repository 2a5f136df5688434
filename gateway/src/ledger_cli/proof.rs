//! Evidence on the command line: keys, checkpoints, proofs.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use schoolgate_core::{text, text::Lang};

use super::{LedgerCliError, folder, sentence};
use crate::{
    cli::{EXIT_FAULTS, EXIT_FINE, KeyCommand},
    evidence::{self, KEY_FILE, MAX_PROOF_BYTES, Proof, Proven, PublicKey, SigningKey},
};

/// Carries out `command`; the answer goes to `out`. Returns the exit code.
pub fn run_key(command: &KeyCommand, lang: Lang, out: &mut dyn Write) -> Result<u8, LedgerCliError> {
    let KeyCommand::Show { ledger, pem } = command;
    let key = SigningKey::read(&key_file(&folder(ledger, lang)?))?.public();
    if *pem {
        out.write_all(key.to_pem().as_bytes())?;
    } else {
        writeln!(out, "{key}")?;
    }
    Ok(EXIT_FINE)
}

fn key_file(ledger: &Path) -> std::path::PathBuf {
    ledger.with_file_name(KEY_FILE)
}

/// Checks every checkpoint, with the key given or else the one beside the ledger.
pub(super) fn audit(
    dir: &Path,
    public_key: Option<&str>,
    lang: Lang,
    out: &mut dyn Write,
) -> Result<u8, LedgerCliError> {
    let known = match public_key {
        Some(name) => Some(PublicKey::named(name)?),
        None if key_file(dir).exists() => Some(SigningKey::read(&key_file(dir))?.public()),
        None => None,
    };
    let audit = evidence::audit(dir, known)?;
    let (checkpoints, fit, covered) = (audit.checkpoints, audit.fit, audit.covered);
    if checkpoints == 0 {
        writeln!(out, "{}", text!(lang, zh: "没有签名检查点", en: "there is no signed checkpoint"))?;
        return Ok(EXIT_FINE);
    }
    writeln!(
        out,
        "{}",
        text!(lang, zh: "签名检查点 {checkpoints} 个，{fit} 个相符，覆盖至记录 {covered}", en: "{fit} of {checkpoints} signed checkpoints fit; they cover every entry through {covered}")
    )?;
    if audit.unchecked > 0 {
        let unchecked = audit.unchecked;
        writeln!(
            out,
            "{}",
            text!(lang, zh: "{unchecked} 个检查点签名有效，但所需记录已损坏或已按期清除，根值无法核对", en: "{unchecked} are signed well, but their roots can't be compared: entries they cover are damaged or were removed")
        )?;
    }
    if let (None, Some(key)) = (known, audit.key) {
        writeln!(
            out,
            "{}",
            text!(lang, zh: "签名密钥 {key}：未与已知公钥比对，请用 --public-key 指定", en: "signed with the key {key}, which was compared with none: give --public-key")
        )?;
    }
    let Some(fault) = audit.first_fault else { return Ok(EXIT_FINE) };
    let (says, faults) = (fault.says(lang), audit.faults);
    writeln!(
        out,
        "{}",
        text!(lang, zh: "{says}（不符的检查点共 {faults} 个）", en: "{says} ({faults} checkpoints do not fit)")
    )?;
    Ok(EXIT_FAULTS)
}

/// Writes the proof of one entry.
pub(super) fn write(
    dir: &Path,
    seq: u64,
    output: Option<&Path>,
    lang: Lang,
    out: &mut dyn Write,
) -> Result<u8, LedgerCliError> {
    let proof = evidence::proof_of(dir, seq)?;
    let Some(file) = output else {
        out.write_all(proof.to_json().as_bytes())?;
        return Ok(EXIT_FINE);
    };
    fs::write(file, proof.to_json())?;
    let (file, key) = (file.display(), proof.signed.key);
    writeln!(
        out,
        "{}",
        text!(lang, zh: "记录 {seq} 的证明已写入 {file}；核验时使用公钥 {key}", en: "the proof of entry {seq} is in {file}; it is checked with the public key {key}")
    )?;
    Ok(EXIT_FINE)
}

/// Says what a proof file proves, or why it proves nothing.
pub(super) fn check(file: &Path, public_key: &str, lang: Lang, out: &mut dyn Write) -> Result<u8, LedgerCliError> {
    let key = PublicKey::named(public_key)?;
    let unreadable = |cause| LedgerCliError::ProofFile(file.to_owned(), cause);
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(MAX_PROOF_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match Proof::parse(&bytes).and_then(|proof| proof.check(&key)) {
        Ok(Proven { ledger, seq, size, entry }) => {
            writeln!(
                out,
                "{}",
                text!(
                    lang,
                    zh: "证明成立：持有密钥 {key} 的网关签名确认，其账本 {ledger} 的前 {size} 条记录中，第 {seq} 条如下，此后未被改动：",
                    en: "proven: the gateway that holds the key {key} has signed that of the first {size} entries of its ledger {ledger}, number {seq} is this one, unchanged since:",
                )
            )?;
            match entry {
                Some(entry) => writeln!(out, "{}", sentence::line(&entry, lang))?,
                None => writeln!(
                    out,
                    "{}",
                    text!(lang, zh: "（此版本不认识的记录种类，原文见文件中的 body）", en: "(a kind of entry that this version does not know: read `body` in the file)")
                )?,
            }
            Ok(EXIT_FINE)
        }
        Err(fault) => {
            let why = fault.says(lang);
            writeln!(out, "{}", text!(lang, zh: "证明不成立：{why}", en: "not proven: {why}"))?;
            Ok(EXIT_FAULTS)
        }
    }
}

#[cfg(test)]
mod tests;
