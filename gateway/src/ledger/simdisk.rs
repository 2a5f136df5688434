//! A disk in memory that loses power, runs full and fails on demand.
//!
//! What was synced stays. Of what was not, a power cut keeps any 512-byte sectors and any first
//! part of the changes to the folder. A failed sync forgets what it should have written, as
//! Linux does.

use super::lock;
use super::medium::{Medium, MediumFile};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

const SECTOR_LEN: usize = 512;

/// SplitMix64: enough to choose sectors, and the same everywhere.
pub(super) struct Rng(pub u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

#[derive(Default, Clone)]
struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl Inode {
    fn persist(&mut self, sector: usize) {
        let start = sector * SECTOR_LEN;
        let end = (start + SECTOR_LEN).min(self.cached.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(&self.cached[start..end]);
    }
}

#[derive(Clone)]
enum FolderChange {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

fn apply(folder: &mut BTreeMap<String, usize>, change: &FolderChange) {
    match change {
        FolderChange::Create(name, inode) => {
            folder.insert(name.clone(), *inode);
        }
        FolderChange::Rename(from, to) => {
            if let Some(inode) = folder.remove(from) {
                folder.insert(to.clone(), inode);
            }
        }
        FolderChange::Remove(name) => {
            folder.remove(name);
        }
    }
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    folder: BTreeMap<String, usize>,
    durable_folder: BTreeMap<String, usize>,
    folder_changes: Vec<FolderChange>,
    locked: bool,
    operations: u64,
    syncs: u64,
    cut_at: Option<u64>,
    fail_writes: Option<Errno>,
    fail_folder: Option<Errno>,
    fail_syncs: Option<(Errno, u64)>,
    unreadable: Option<(usize, u64)>,
}

impl State {
    /// Counts an operation; from the cut on, none succeeds.
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.cut_at {
            Some(at) if self.operations >= at => Err(Errno::NODEV.into()),
            _ => Ok(()),
        }
    }
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    /// Loses power at the given operation from now on.
    pub(super) fn cut_after(&self, operations: u64) {
        let mut state = lock(&self.0);
        state.cut_at = Some(state.operations + operations);
    }

    pub(crate) fn fail_writes(&self, errno: Option<Errno>) {
        lock(&self.0).fail_writes = errno;
    }

    pub(super) fn fail_syncs(&self, errno: Errno, times: u64) {
        lock(&self.0).fail_syncs = Some((errno, times));
    }

    /// One byte's page cannot be read from now on.
    pub(super) fn make_unreadable(&self, name: &str, offset: u64) {
        let mut state = lock(&self.0);
        let inode = state.folder[name];
        state.unreadable = Some((inode, offset));
    }

    /// All pages can be read again.
    pub(super) fn make_readable(&self) {
        lock(&self.0).unreadable = None;
    }

    /// The folder takes no changes of names, or does.
    pub(super) fn fail_folder(&self, errno: Option<Errno>) {
        lock(&self.0).fail_folder = errno;
    }

    pub(super) fn syncs(&self) -> u64 {
        lock(&self.0).syncs
    }

    pub(super) fn names(&self) -> Vec<String> {
        lock(&self.0).folder.keys().cloned().collect()
    }

    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        let state = lock(&self.0);
        state.inodes[state.folder[name]].cached.clone()
    }

    pub(super) fn set_content(&self, name: &str, content: &[u8]) {
        let mut state = lock(&self.0);
        let inode = state.folder[name];
        state.inodes[inode].cached = content.to_vec();
        state.inodes[inode].durable = content.to_vec();
    }

    /// A file that is there and durable, with this content.
    pub(super) fn create_with(&self, name: &str, content: &[u8]) {
        let mut state = lock(&self.0);
        state.inodes.push(Inode::default());
        let inode = state.inodes.len() - 1;
        state.folder.insert(name.to_owned(), inode);
        state.durable_folder.insert(name.to_owned(), inode);
        drop(state);
        self.set_content(name, content);
    }

    /// A disk with the same files as at this moment, all of them durable.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::default();
        let state = lock(&self.0);
        state.folder.iter().for_each(|(name, &inode)| copy.create_with(name, &state.inodes[inode].cached));
        copy
    }

    pub(super) fn lose(&self, name: &str) {
        let mut state = lock(&self.0);
        state.folder.remove(name);
        state.durable_folder.remove(name);
    }

    /// What is there when the power comes back.
    pub(super) fn after_power_cut(&self, rng: &mut Rng) -> Self {
        let state = lock(&self.0);
        let mut inodes = state.inodes.clone();
        for inode in &mut inodes {
            let (kept, dirty) = (rng.below(5), std::mem::take(&mut inode.dirty));
            for sector in dirty {
                if rng.below(4) < kept {
                    inode.persist(sector);
                }
            }
            inode.cached = inode.durable.clone();
        }
        let mut folder = state.durable_folder.clone();
        let kept = usize::try_from(rng.below(state.folder_changes.len() as u64 + 1)).unwrap();
        for change in &state.folder_changes[..kept] {
            apply(&mut folder, change);
        }
        let durable_folder = folder.clone();
        Self(Arc::new(Mutex::new(State { inodes, folder, durable_folder, ..State::default() })))
    }
}

struct Claim(Arc<Mutex<State>>);

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.0).locked = false;
    }
}

impl Medium for SimDisk {
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        let mut state = lock(&self.0);
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Claim(Arc::clone(&self.0))))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let mut state = lock(&self.0);
        state.operate()?;
        if let Some(errno) = state.fail_writes {
            return Err(errno.into());
        }
        state.inodes.push(Inode::default());
        let inode = state.inodes.len() - 1;
        let change = FolderChange::Create(name.to_owned(), inode);
        apply(&mut state.folder, &change);
        state.folder_changes.push(change);
        Ok(Arc::new(SimFile { disk: self.clone(), inode }))
    }

    fn open(&self, name: &str, writable: bool) -> io::Result<Arc<dyn MediumFile>> {
        let state = lock(&self.0);
        if let Some(errno) = state.fail_writes.filter(|&errno| writable && errno == Errno::ROFS) {
            return Err(errno.into());
        }
        let inode = *state.folder.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.operate()?;
        if let Some(errno) = state.fail_folder {
            return Err(errno.into());
        }
        let change = FolderChange::Rename(from.to_owned(), to.to_owned());
        apply(&mut state.folder, &change);
        state.folder_changes.push(change);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.operate()?;
        if let Some(errno) = state.fail_folder {
            return Err(errno.into());
        }
        if let Some(errno) = state.fail_writes {
            return Err(errno.into());
        }
        if !state.folder.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let change = FolderChange::Remove(name.to_owned());
        apply(&mut state.folder, &change);
        state.folder_changes.push(change);
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.operate()?;
        if let Some(errno) = state.fail_folder {
            return Err(errno.into());
        }
        state.durable_folder = state.folder.clone();
        state.folder_changes.clear();
        Ok(())
    }
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
}

impl MediumFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.disk.0).inodes[self.inode].cached.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let state = lock(&self.disk.0);
        let range = offset..offset + buf.len() as u64;
        if state.unreadable.is_some_and(|(inode, at)| inode == self.inode && range.contains(&at)) {
            return Err(Errno::IO.into());
        }
        let start = usize::try_from(offset).unwrap();
        let cached = &state.inodes[self.inode].cached;
        let bytes = cached.get(start..start + buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.write_all_at(&vec![0; usize::try_from(len).unwrap()], 0)
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        let state = lock(&self.disk.0);
        let cached = &state.inodes[self.inode].cached;
        let start = usize::try_from(offset).unwrap();
        let written =
            cached[start..].iter().position(|&byte| byte != 0).map(|at| (start + at) / SECTOR_LEN * SECTOR_LEN);
        Ok(written.map_or(cached.len(), |at| at.max(start)) as u64)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        let alive = state.operate();
        if let Some(errno) = state.fail_writes {
            return Err(errno.into());
        }
        let inode = &mut state.inodes[self.inode];
        let start = usize::try_from(offset).unwrap();
        let end = start + buf.len();
        if inode.cached.len() < end {
            inode.cached.resize(end, 0);
        }
        inode.cached[start..end].copy_from_slice(buf);
        inode.dirty.extend(start / SECTOR_LEN..end.div_ceil(SECTOR_LEN));
        alive
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        state.operate()?;
        state.syncs += 1;
        if let Some((errno, times)) = state.fail_syncs.filter(|&(_, times)| times > 0) {
            state.fail_syncs = Some((errno, times - 1));
            state.inodes[self.inode].dirty.clear();
            return Err(errno.into());
        }
        let inode = &mut state.inodes[self.inode];
        for sector in std::mem::take(&mut inode.dirty) {
            inode.persist(sector);
        }
        Ok(())
    }
}
