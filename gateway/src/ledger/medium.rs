//! The little that the ledger asks of a disk, so that tests can put a failing one in its place.

use rustix::fs::{Advice, FallocateFlags, OFlags, SeekFrom, fadvise, fallocate, seek};
use rustix::io::Errno;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A folder of files on something that forgets what was not synced.
pub trait Medium: Send + Sync + 'static {
    /// Claims the folder for one writer until the guard is dropped; `WouldBlock` if it is taken.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>>;
    /// Names of the files in the folder, in any order.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn list(&self) -> io::Result<Vec<String>>;
    /// An empty file of that name, writable; one that was there loses its content.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>>;
    /// The file of that name, `writable` or for reading only.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn open(&self, name: &str, writable: bool) -> io::Result<Arc<dyn MediumFile>>;
    /// Gives a file another name, in place of any file that had it.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file out of the folder.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the names in the folder durable.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn sync_dir(&self) -> io::Result<()>;
}

/// An open file of a [`Medium`].
pub trait MediumFile: Send + Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn size(&self) -> io::Result<u64>;
    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` past the end, or whatever the operating system says.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Makes an empty file `len` bytes long. It reads as zeros, and has its room on the disk.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Where, at or behind `offset`, something other than never written zeros may stand; the
    /// file's length if nothing does. `offset` itself is always a right answer.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn next_data(&self, offset: u64) -> io::Result<u64> {
        Ok(offset)
    }
    /// From now on, the system is to read no more of the file than it is asked for: what it has
    /// read ahead counts as written for [`MediumFile::next_data`].
    fn read_exactly(&self) {}
    /// The system need not keep what it has of the file from `offset` on, as far as it is durable: before it writes past its
    /// cache, it must throw away what the cache has of the place, and whoever waits for the write waits for that, too.
    fn uncache_from(&self, _offset: u64) {}
    /// Writes all of `buf` at `offset`.
    ///
    /// # Errors
    /// Whatever the operating system says; any part may have been written.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;
    /// The same for whole blocks of 4 KiB that hold the file's end and are to be durable at once; past the system's page
    /// cache, where that can be.
    ///
    /// # Errors
    /// Whatever the operating system says; any part may have been written.
    fn append_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(blocks, offset)
    }
    /// The file past the system's page cache; none where the file system has no such way.
    fn direct(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// Makes the content durable (`fdatasync`). After an error, what was written before may be
    /// lost although a later call succeeds.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn sync_data(&self) -> io::Result<()>;
}

/// Writes zeros in pieces of that length, at most 64 KiB.
pub(super) fn write_zeros(file: &dyn MediumFile, offset: u64, len: u64, piece: usize) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let piece = piece.clamp(1, ZEROS.len());
    let mut done = 0;
    while done < len {
        let part = piece.min(usize::try_from(len - done).unwrap_or(piece));
        file.write_all_at(&ZEROS[..part], offset + done)?;
        done += part as u64;
    }
    Ok(())
}

/// The real thing: a folder of the file system.
#[derive(Debug)]
pub struct Disk {
    dir: PathBuf,
}

impl Disk {
    /// The folder at `dir`, which must exist once it is used.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }
}

impl Medium for Disk {
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        let dir = File::open(&self.dir)?;
        match dir.try_lock() {
            Ok(()) => Ok(Box::new(dir)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        std::fs::read_dir(&self.dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let path = self.dir.join(name);
        Ok(Arc::new(DiskFile::new(options.open(&path)?, Some(&path))))
    }

    fn open(&self, name: &str, writable: bool) -> io::Result<Arc<dyn MediumFile>> {
        let path = self.dir.join(name);
        let cached = OpenOptions::new().read(true).write(writable).open(&path)?;
        Ok(Arc::new(DiskFile::new(cached, writable.then_some(&*path))))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.dir.join(from), self.dir.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}

/// Bytes of memory that a system manages as one, at most: 64 KiB by choice on arm64.
const LARGEST_PAGE: u64 = 64 << 10;

struct DiskFile {
    cached: File,
    /// The same file past the page cache; none where the file system has no such way (tmpfs until Linux 6.6, some network
    /// file systems).
    direct: Option<File>,
    /// The file system opens files so, but does not write them.
    refused: AtomicBool,
}

impl DiskFile {
    /// `appended_at`: the file's path, if it is to be appended to.
    fn new(cached: File, appended_at: Option<&Path>) -> Self {
        let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or_default();
        let open = |path| OpenOptions::new().write(true).custom_flags(flags).open(path).ok();
        Self { cached, direct: appended_at.and_then(open), refused: AtomicBool::new(false) }
    }
}

impl MediumFile for DiskFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.cached.metadata()?.len())
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.cached.read_exact_at(buf, offset)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        match fallocate(&self.cached, FallocateFlags::empty(), 0, len) {
            // Not every file system can: then zeros take the room.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(self, 0, len, 64 << 10),
            result => Ok(result?),
        }
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        match seek(&self.cached, SeekFrom::Data(offset)) {
            Err(Errno::NXIO) => MediumFile::size(self),
            result => Ok(result?),
        }
    }

    fn read_exactly(&self) {
        // If it reads more, finding the end takes longer.
        let _ = fadvise(&self.cached, 0, None, Advice::Random);
    }

    fn uncache_from(&self, offset: u64) {
        // It keeps pages of which only a part is not needed. If it keeps more, writing there takes longer.
        let _ = fadvise(&self.cached, offset / LARGEST_PAGE * LARGEST_PAGE, None, Advice::DontNeed);
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.cached.write_all_at(buf, offset)
    }

    fn append_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<()> {
        if let Some(direct) = self.direct.as_ref().filter(|_| !self.refused.load(Ordering::Relaxed)) {
            match direct.write_all_at(blocks, offset) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.refused.store(true, Ordering::Relaxed);
                }
                written => return written,
            }
        }
        self.write_all_at(blocks, offset)
    }

    fn direct(&self) -> Option<BorrowedFd<'_>> {
        let direct = self.direct.as_ref().filter(|_| !self.refused.load(Ordering::Relaxed));
        direct.map(AsFd::as_fd)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.cached.sync_data()
    }
}
