//! A PN532 that isn't there, on a pseudo-terminal: the module as its user manual has it (NXP UM0701-02), with cards to
//! lay down and take away, and a line that can be made as bad as one likes.

mod line;
mod module;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, DuplexStream, duplex},
    net::unix::pipe::Receiver,
    task::JoinHandle,
};

pub use line::{BadLine, serve};
pub use module::{Module, VirtualCard};

use crate::virtual_reader::{Line, VirtualReader, VirtualReaderError};

/// A PN532 on a pseudo-terminal, with a stable path for the gateway's configuration. Needs a tokio runtime.
pub struct VirtualPn532 {
    port: VirtualReader,
    module: SharedModule,
    bad_line: BadLine,
    tasks: Vec<JoinHandle<()>>,
}

/// A module that a task serves and a test changes.
#[derive(Clone, Default)]
pub struct SharedModule(Arc<Mutex<Module>>);

impl SharedModule {
    /// The module, now.
    pub fn lock(&self) -> MutexGuard<'_, Module> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VirtualPn532 {
    /// Plugs a module in at `path`, on a line as bad as this.
    pub fn plug_in(path: impl Into<PathBuf>, bad_line: BadLine) -> Result<Self, VirtualReaderError> {
        let port = VirtualReader::plug_in(path)?;
        let mut module = Self { port, module: SharedModule::default(), bad_line, tasks: Vec::new() };
        module.start();
        Ok(module)
    }

    /// The path to give the gateway.
    pub fn path(&self) -> &Path {
        self.port.path()
    }

    /// The module, to lay cards on it.
    pub fn module(&self) -> MutexGuard<'_, Module> {
        self.module.lock()
    }

    /// Pulls the cable: the module loses its power.
    pub async fn unplug(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // Only then has it let go of the line.
            let _ = task.await;
        }
        self.port.unplug();
        self.module().power_off();
    }

    /// Plugs it in again, as a new device under the same path.
    pub async fn replug(&mut self) -> Result<(), VirtualReaderError> {
        self.unplug().await;
        self.port.replug()?;
        self.start();
        Ok(())
    }

    fn start(&mut self) {
        let Some(line) = self.port.line() else { return };
        let (module_end, line_end) = duplex(4_096);
        self.tasks.push(tokio::spawn(serve(self.module.clone(), module_end, self.bad_line.clone())));
        self.tasks.push(tokio::spawn(async move {
            // A line that fails is one that was pulled.
            let _ = carry(line, line_end).await;
        }));
    }
}

impl Drop for VirtualPn532 {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Carries bytes between the pseudo-terminal and the module.
async fn carry(line: Arc<Line>, module: DuplexStream) -> Result<(), VirtualReaderError> {
    // Nothing else of tokio's takes any descriptor that can be waited for, and what is done to it is the same.
    let mut heard = Receiver::from_file_unchecked(line.another_handle().map_err(VirtualReaderError::Write)?)
        .map_err(VirtualReaderError::Write)?;
    let (mut from_module, mut to_module) = tokio::io::split(module);
    let inwards =
        async { tokio::io::copy(&mut heard, &mut to_module).await.map(|_| ()).map_err(VirtualReaderError::Write) };
    let outwards = async {
        let mut bytes = [0; 512];
        loop {
            let count = from_module.read(&mut bytes).await.map_err(VirtualReaderError::Write)?;
            if count == 0 {
                return Ok(());
            }
            // What nobody reads is lost, as on a wire.
            line.write(bytes.get(..count).unwrap_or_default())?;
        }
    };
    tokio::select! {
        ended = inwards => ended,
        ended = outwards => ended,
    }
}

#[cfg(test)]
#[path = "virtual_pn532_tests.rs"]
mod tests;
