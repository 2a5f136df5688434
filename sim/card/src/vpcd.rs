//! A card in the virtual PC/SC reader of the package vsmartcard-vpcd: the reader's driver listens, the card connects.
//!
//! Every message is its length (two bytes, high one first) and so many bytes. One of a single byte is an order: 0 power
//! off, 1 power on, 2 reset, 4 what is the answer to reset. Anything else is a command, and its answer goes back.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread::{self, JoinHandle},
};

use crate::Card;

/// Where the first virtual reader listens unless told otherwise.
pub const VPCD_PORT: u16 = 35_963;

/// Answer to reset of a contactless card with no historical bytes (PC/SC part 3, 3.1.3.2.3.1).
const ATR: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];
/// GET DATA: the number of the card. A real reader answers it itself.
const GET_NUMBER: [u8; 5] = [0xFF, 0xCA, 0x00, 0x00, 0x00];

/// A card that lies in the reader. It is taken away when this is dropped, or by [`Slot::take_away`].
pub struct Slot<C> {
    line: TcpStream,
    served: Option<JoinHandle<C>>,
}

impl<C: Card + 'static> Slot<C> {
    /// Lays a card down.
    pub fn lay_down(reader: SocketAddr, card: C) -> io::Result<Self> {
        let line = TcpStream::connect(reader)?;
        line.set_nodelay(true)?;
        let served = line.try_clone()?;
        Ok(Self { line, served: Some(thread::spawn(move || serve(served, card))) })
    }

    /// Takes it away again, as it is then.
    pub fn take_away(mut self) -> Option<C> {
        let _ = self.line.shutdown(Shutdown::Both);
        self.served.take()?.join().ok()
    }
}

impl<C> Drop for Slot<C> {
    fn drop(&mut self) {
        let _ = self.line.shutdown(Shutdown::Both);
    }
}

fn serve<C: Card>(mut line: TcpStream, mut card: C) -> C {
    while let Ok(message) = receive(&mut line) {
        let answer = match message.as_slice() {
            [0] => continue,
            [1 | 2] => {
                card.power_on();
                continue;
            }
            [4] => ATR.to_vec(),
            command if *command == GET_NUMBER => [card.number().as_slice(), &[0x90, 0x00]].concat(),
            command => card.answer(command),
        };
        if send(&mut line, &answer).is_err() {
            break;
        }
    }
    card
}

fn receive(line: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    line.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    line.read_exact(&mut message)?;
    Ok(message)
}

fn send(line: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    line.write_all(&[&length.to_be_bytes()[..], message].concat())
}
