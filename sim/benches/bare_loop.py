"""The least that could stand at a gate, to hold the gateway's figures against.

Reads RDM6300 frames from serial lines, appends to a file with fdatasync, and publishes with QoS 1 over a hand-written
MQTT 3.1.1 client: no roster, no rules, no lamps, no cursor, nothing sent again. Standard library only.

    bare_loop.py PORT FILE SCHOOL TTY...
"""

import os
import select
import socket
import sys
import time

FRAME_BYTES = 14
PAGE = 4096
REPEAT_S = 0.5


def field(data):
    return len(data).to_bytes(2, "big") + data


def packet(kind, body):
    length, left = bytearray(), len(body)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | (128 if left else 0))
        if not left:
            return bytes([kind]) + bytes(length) + body


def connect(port):
    broker = socket.create_connection(("127.0.0.1", port))
    broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    broker.sendall(packet(0x10, field(b"MQTT") + bytes([4, 2, 0, 60]) + field(b"bare-loop")))
    connack = broker.recv(4, socket.MSG_WAITALL)
    assert connack[0] == 0x20 and connack[3] == 0, connack
    return broker


def cards_in(buffer):
    """Takes every whole frame out of the buffer and gives the numbers of the sound ones."""
    cards = []
    while True:
        start = buffer.find(2)
        if start < 0:
            buffer.clear()
            return cards
        if len(buffer) - start < FRAME_BYTES:
            del buffer[:start]
            return cards
        frame = bytes(buffer[start : start + FRAME_BYTES])
        try:
            number = bytes.fromhex(frame[1:13].decode())
        except ValueError:
            del buffer[: start + 1]
            continue
        del buffer[: start + FRAME_BYTES]
        if frame[13] == 3 and number[0] ^ number[1] ^ number[2] ^ number[3] ^ number[4] == number[5]:
            cards.append(number[:5])


def main():
    port, path, school, *ttys = sys.argv[1:]
    broker = connect(int(port))
    lines = {os.open(tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK): bytearray() for tty in ttys}
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    watched = [broker.fileno(), *lines]
    packet_id, seen = 0, {}
    while True:
        ready, _, _ = select.select(watched, [], [])
        cards = []
        for fd in ready:
            if fd == broker.fileno():
                if not broker.recv(65536):  # acknowledgements
                    return
                continue
            lines[fd] += os.read(fd, 4096)
            cards += cards_in(lines[fd])
        now = time.monotonic()
        new = [card for card in cards if now - seen.get(card, -REPEAT_S) >= REPEAT_S]
        seen.update((card, now) for card in cards)
        if not new:
            continue
        text = b"".join(card.hex().encode() + b"\n" for card in new)
        os.write(log, text.ljust(-(-len(text) // PAGE) * PAGE, b"\0"))
        os.fdatasync(log)
        sent = bytearray()
        for card in new:
            packet_id = packet_id % 65535 + 1
            topic = f"schoolgate/{school}/guardian/{int.from_bytes(card[1:], 'big'):032x}/event"
            payload = f'{{"v":1,"card":"{card.hex()}","event":"tap","at":{time.time():.3f}}}'
            sent += packet(0x32, field(topic.encode()) + packet_id.to_bytes(2, "big") + payload.encode())
        broker.sendall(sent)


main()
