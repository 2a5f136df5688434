//! Opening a serial port of the machine.

use std::{future::Future, io};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_serial::{ClearBuffer, DataBits, ErrorKind, FlowControl, Parity, SerialPort as _, StopBits};

/// An open serial port.
pub use tokio_serial::SerialStream;

use super::DownReason;

/// Opens a reader's line, as often as it is lost. Tests give a pipe instead.
pub trait OpenPort: Send + 'static {
    /// The open line.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// Opens it, or says why that can't be.
    fn open(&mut self) -> impl Future<Output = Result<Self::Stream, DownReason>> + Send;
}

/// A serial port of the machine: 8N1, no flow control, for this process alone.
#[derive(Clone, Debug)]
pub struct SerialPort {
    path: String,
    baud: u32,
}

impl SerialPort {
    /// `path` is best one under `/dev/serial/by-id/`, which stays the same when USB readers are plugged in another
    /// order; `baud` is in bits per second.
    pub fn new(path: impl Into<String>, baud: u32) -> Self {
        Self { path: path.into(), baud }
    }
}

impl OpenPort for SerialPort {
    type Stream = SerialStream;

    /// Opens off the runtime's thread, since a USB adapter takes its time to be set up.
    async fn open(&mut self) -> Result<SerialStream, DownReason> {
        let Self { path, baud } = self.clone();
        match tokio::task::spawn_blocking(move || open_now(path, baud)).await {
            Ok(opened) => opened.map_err(|error| reason(&error)),
            Err(cut_off) => Err(DownReason::Failed(cut_off.to_string())),
        }
    }
}

fn open_now(path: String, baud: u32) -> tokio_serial::Result<SerialStream> {
    let port = tokio_serial::new(path, baud)
        .data_bits(DataBits::Eight)
        .parity(Parity::None)
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::None);
    let stream = SerialStream::open(&port)?;
    // What came before anybody listened says nothing about who stands there now.
    stream.clear(ClearBuffer::Input)?;
    Ok(stream)
}

fn reason(error: &tokio_serial::Error) -> DownReason {
    match error.kind {
        ErrorKind::Io(io::ErrorKind::NotFound) => DownReason::NotThere,
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => DownReason::NoPermission,
        // `serialport` says so for EBUSY (TIOCEXCL) and for a taken lock, and for nothing else on Unix.
        ErrorKind::NoDevice => DownReason::Busy,
        _ => DownReason::Failed(error.to_string()),
    }
}
