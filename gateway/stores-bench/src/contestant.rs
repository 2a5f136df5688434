//! The three stores, each as one would use it to lose nothing: what is written is on the disk before it counts.

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use rusqlite::Connection;
use schoolgate::ledger::{Durable, Fate, Keep, Ledger, LedgerId, Options};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Names of the stores, as children of this process are told them.
pub const STORES: [&str; 3] = ["ledger", "sqlite", "redb"];
const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");

const REDB_REMOVED_AT_ONCE: u64 = 10_000;

/// What is asked of each store.
pub trait Contestant {
    /// Makes so many more entries durable, as one group.
    fn write(&mut self, entries: u64);
    /// Removes the entries up to and including `through`.
    fn remove_through(&mut self, through: u64);
    /// Gives space back to the file system that removing did not; says how long it took, if there is such a thing.
    fn compact(&mut self) -> Option<Duration>;
}

/// Opens a store in `dir`, which may be empty.
pub fn open(store: &str, dir: &Path) -> Box<dyn Contestant> {
    match store {
        "ledger" => Box::new(OurLedger::open(dir, false)),
        "sqlite" => Box::new(Sqlite::open(dir)),
        "redb" => Box::new(Redb::open(dir)),
        other => panic!("no store {other}"),
    }
}

/// The store as a loop can use it that must not wait for a disk, such as the gateway's: on a thread of its own. The ledger
/// always has one, and as in the gateway its express lane for few entries.
pub fn open_beside(store: &'static str, dir: &Path) -> Box<dyn Contestant> {
    match store {
        "ledger" => Box::new(OurLedger::open(dir, true)),
        _ => Box::new(OnThread::start(store, dir.to_owned())),
    }
}

/// An entry as the gateway writes it most: about 230 bytes.
fn body(seq: u64) -> Vec<u8> {
    let (student, ms, credential) = (seq * 7919 % 2000, seq % 1000, seq.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    format!(
        r#"{{"v":1,"seq":{seq},"at":{{"wall":"2026-09-01T07:41:05.{ms:03}+08:00","boot":"9f0c6a5be21d4c33","mono_ms":{seq},"clock":"synchronised"}},"what":{{"arrived":{{"student":"s{student:04}","tap":{{"place":"east-gate","reader":"east-in","credential":"{credential:032x}"}}}}}}}}"#
    )
    .into_bytes()
}

/// Told and waited for by the same means as the ledger's thread.
struct OnThread {
    orders: mpsc::Sender<u64>,
    written: watch::Receiver<u64>,
    runtime: Runtime,
    ordered: u64,
}

impl OnThread {
    fn start(store: &'static str, dir: PathBuf) -> Self {
        let (orders, received) = mpsc::channel();
        let (done, written) = watch::channel(0);
        std::thread::spawn(move || {
            let mut store = open(store, &dir);
            for entries in received {
                store.write(entries);
                done.send_modify(|written| *written += entries);
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { orders, written, runtime, ordered: 0 }
    }
}

impl Contestant for OnThread {
    fn write(&mut self, entries: u64) {
        self.orders.send(entries).unwrap();
        self.ordered += entries;
        let ordered = self.ordered;
        self.runtime.block_on(self.written.wait_for(|written| *written >= ordered)).unwrap();
    }

    fn remove_through(&mut self, _: u64) {
        unreachable!("measured without a thread");
    }

    fn compact(&mut self) -> Option<Duration> {
        None
    }
}

/// The ledger, which besides storing an entry chains it and takes it into its Merkle tree.
struct OurLedger {
    ledger: Ledger,
    durable: watch::Receiver<Durable>,
    runtime: Runtime,
    seq: u64,
}

impl OurLedger {
    fn open(dir: &Path, with_lane: bool) -> Self {
        let mut count = 0u128;
        let salts = Box::new(move || {
            count += 1;
            count.to_le_bytes()
        });
        let (ledger, recovery) = Ledger::open(dir, Options::new(LedgerId([1; 16]), salts)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        if with_lane {
            let _entered = runtime.enter();
            runtime.spawn(ledger.express().unwrap());
        }
        Self { durable: ledger.durable(), ledger, runtime, seq: recovery.last_seq }
    }
}

impl Contestant for OurLedger {
    fn write(&mut self, entries: u64) {
        let mut group = (self.seq + 1..=self.seq + entries).map(|seq| (seq, Bytes::from(body(seq)))).collect();
        self.ledger.append_all(&mut group).unwrap();
        self.seq += entries;
        let seq = self.seq;
        self.runtime.block_on(self.durable.wait_for(|durable| durable.through >= seq)).unwrap();
    }

    fn remove_through(&mut self, through: u64) {
        let keep = Keep { from: through + 1, entries: 0 };
        self.ledger.retire(keep, &Fate::Delete, |sealed| sealed.last_seq <= through).unwrap();
    }

    fn compact(&mut self) -> Option<Duration> {
        None
    }
}

struct Sqlite {
    db: Connection,
    seq: u64,
}

impl Sqlite {
    fn open(dir: &Path) -> Self {
        let db = Connection::open(dir.join("entries.sqlite")).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db.pragma_update(None, "synchronous", "FULL").unwrap();
        db.execute("CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)", ()).unwrap();
        let last: Option<i64> = db.query_row("SELECT max(seq) FROM entry", (), |row| row.get(0)).unwrap();
        Self { db, seq: last.unwrap_or(0) as u64 }
    }
}

impl Contestant for Sqlite {
    fn write(&mut self, entries: u64) {
        let group = self.db.transaction().unwrap();
        let mut insert = group.prepare_cached("INSERT INTO entry (seq, body) VALUES (?1, ?2)").unwrap();
        for _ in 0..entries {
            self.seq += 1;
            insert.execute((self.seq as i64, body(self.seq))).unwrap();
        }
        drop(insert);
        group.commit().unwrap();
    }

    fn remove_through(&mut self, through: u64) {
        self.db.execute("DELETE FROM entry WHERE seq <= ?1", [through as i64]).unwrap();
        self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
    }

    fn compact(&mut self) -> Option<Duration> {
        let start = Instant::now();
        self.db.execute("VACUUM", ()).unwrap();
        self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
        Some(start.elapsed())
    }
}

/// Its transactions are durable when they are committed (`Durability::Immediate`) unless told otherwise.
struct Redb {
    db: Database,
    seq: u64,
}

impl Redb {
    fn open(dir: &Path) -> Self {
        let db = Database::create(dir.join("entries.redb")).unwrap();
        let write = db.begin_write().unwrap();
        let table = write.open_table(TABLE).unwrap();
        let seq = table.last().unwrap().map_or(0, |(seq, _)| seq.value());
        drop(table);
        write.commit().unwrap();
        Self { db, seq }
    }
}

impl Contestant for Redb {
    fn write(&mut self, entries: u64) {
        let group = self.db.begin_write().unwrap();
        let mut table = group.open_table(TABLE).unwrap();
        for _ in 0..entries {
            self.seq += 1;
            table.insert(self.seq, body(self.seq).as_slice()).unwrap();
        }
        drop(table);
        group.commit().unwrap();
    }

    fn remove_through(&mut self, through: u64) {
        // In one transaction of half a million, its file grew to 8 GiB.
        let table = self.db.begin_read().unwrap().open_table(TABLE).unwrap();
        let mut next = table.first().unwrap().map_or(through + 1, |(seq, _)| seq.value());
        while next <= through {
            let write = self.db.begin_write().unwrap();
            let mut table = write.open_table(TABLE).unwrap();
            let end = (next + REDB_REMOVED_AT_ONCE).min(through + 1);
            (next..end).for_each(|seq| drop(table.remove(seq).unwrap()));
            drop(table);
            write.commit().unwrap();
            next = end;
        }
    }

    fn compact(&mut self) -> Option<Duration> {
        let start = Instant::now();
        self.db.compact().unwrap();
        Some(start.elapsed())
    }
}
