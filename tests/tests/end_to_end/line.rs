//! Readers' lines that do what lines do: noise, torn frames, cables that are pulled.

use std::{fs::File, time::Duration};

use rustix::fs::{FlockOperation, flock};
use schoolgate_core::{
    alarm::Alarm,
    entry::{Entry, Reason, What},
};
use schoolgate_sim::school::Student;
use schoolgate_tests::{Plan, Rig, soon};

fn tapped(entries: &[Entry]) -> Vec<&Entry> {
    entries.iter().filter(|entry| entry.what.tap().is_some()).collect()
}

fn arrived(student: &Student) -> impl Fn(&Entry) -> bool {
    move |entry| matches!(&entry.what, What::Arrived { student: who, .. } if *who == student.id)
}

#[tokio::test]
async fn noise_torn_frames_and_wrong_checksums_are_no_cards_and_hide_none() {
    let rig = Rig::set(Plan::default()).await;
    let _gateway = rig.start().await;
    let [torn, wrong, good] = rig.students().take(3).collect::<Vec<_>>()[..] else { panic!("too few") };
    let reader = &rig.scene.readers[0];
    reader.send(b"\x00\xFF\x03garbage\x02\x02\r\n").unwrap();
    reader.half_tap(torn.card).unwrap();
    reader.tap_with_wrong_checksum(wrong.card).unwrap();
    reader.send(&[0x02; 600]).unwrap();
    rig.tap_until_green(0, good).await;
    rig.find_stored("the good card's entry", arrived(good)).await;
    assert_eq!(tapped(&rig.stored()).len(), 1, "{:#?}", rig.stored());
}

#[tokio::test]
async fn a_card_that_rests_on_the_reader_is_one_entry() {
    let rig = Rig::set(Plan::default()).await;
    let _gateway = rig.start().await;
    let [resting, next] = rig.students().take(2).collect::<Vec<_>>()[..] else { panic!("too few") };
    rig.scene.readers[0].rest(resting.card, Duration::from_millis(1_500)).await.unwrap();
    rig.tap_until_green(1, next).await;
    rig.find_stored("the next card's entry", arrived(next)).await;
    let stored = rig.stored();
    let students: Vec<_> = tapped(&stored).iter().map(|entry| entry.what.students()[0].clone()).collect();
    assert_eq!(students, [resting.id.clone(), next.id.clone()]);
}

#[tokio::test]
async fn the_same_card_on_two_lanes_of_a_gate_within_three_seconds_is_one_entry() {
    let rig = Rig::set(Plan::default()).await;
    let _gateway = rig.start().await;
    let [twice, next] = rig.students().take(2).collect::<Vec<_>>()[..] else { panic!("too few") };
    rig.scene.readers[0].tap(twice.card).unwrap();
    rig.scene.readers[1].tap(twice.card).unwrap();
    // Each lane is read in order, so behind these two nothing of the first can come any more.
    for lane in 0..2 {
        rig.scene.readers[lane].tap(next.card).unwrap();
    }
    rig.find_stored("the next card's entry", arrived(next)).await;
    let last = rig.students().nth(2).unwrap();
    rig.scene.readers[0].tap(last.card).unwrap();
    rig.find_stored("the last card's entry", arrived(last)).await;
    assert_eq!(tapped(&rig.stored()).len(), 3, "{:#?}", rig.stored());
}

#[tokio::test]
async fn a_reader_that_vanishes_is_an_alarm_after_ten_seconds_until_it_is_back() {
    let mut rig = Rig::set(Plan::default().at_speed(20)).await;
    let mut listener = rig.listen(&["staff/+/alert"]).await;
    let _gateway = rig.start().await;
    let reader = rig.scene.campus.readers[0].id.clone();

    rig.scene.readers[0].unplug();
    let down = rig.find_stored("reader down", |entry| matches!(entry.what, What::ReaderDown { .. })).await;
    let What::ReaderDown { reader: who, reason } = &down.what else { unreachable!() };
    assert_eq!(*who, reader);
    assert!(reason.contains("unplugged: check its cable"), "{reason}");
    let raised = rig.find_stored("the alarm", |entry| matches!(entry.what, What::AlarmRaised { .. })).await;
    let What::AlarmRaised { alarm, cause } = &raised.what else { unreachable!() };
    let place = rig.scene.campus.readers[0].place.clone();
    assert_eq!((alarm, *cause), (&Alarm::ReaderLost { reader: reader.clone(), place }, Some(down.seq)));
    let waited_ms = raised.at.wall.unix_ms() - down.at.wall.unix_ms();
    assert!((10_000..60_000).contains(&waited_ms), "{waited_ms} ms");
    let it = rig.topic("staff/it_admin/alert");
    let alert = listener.find_on(&it, "the alarm", |alert| alert["on"] == true).await;
    assert_eq!(alert["text"]["zh"], "东门：读卡器 east-gate-1 失去联系");

    // When the cable is back, the alarm ends and the reader reads.
    rig.scene.readers[0].replug().unwrap();
    rig.find_stored("reader up", |entry| matches!(&entry.what, What::ReaderUp { reader: who } if *who == reader)).await;
    let ended = listener.find_on(&it, "the alarm's end", |alert| alert["on"] == false).await;
    assert_eq!(ended["raised"], raised.seq.0);
    let child = rig.students().next().unwrap();
    rig.tap_until_green(0, child).await;
}

#[tokio::test]
async fn unknown_cards_are_refused_with_one_alarm_for_all() {
    let rig = Rig::set(Plan::default()).await;
    let mut listener = rig.listen(&["staff/+/alert"]).await;
    let _gateway = rig.start().await;
    let cards = rig.scene.school.strange_cards.clone();
    let mut lamps = rig.watch();
    rig.scene.readers[0].tap(cards[0]).unwrap();
    soon("red", lamps.wait_for("east-gate.red", true)).await;
    assert_eq!(rig.scene.lines.level("east-gate.release"), Some(false));
    cards[1..3].iter().for_each(|card| rig.scene.readers[0].tap(*card).unwrap());
    let child = rig.students().next().unwrap();
    rig.tap_until_green(0, child).await;
    rig.find_stored("the child's entry", arrived(child)).await;

    let stored = rig.stored();
    let refused = |entry: &&Entry| matches!(&entry.what, What::Refused { holder: None, reason: Reason::Unknown, .. });
    let alarms: Vec<_> = stored.iter().filter(|entry| entry.what.kind() == "alarm_raised").collect();
    assert_eq!((stored.iter().filter(refused).count(), alarms.len()), (3, 1), "{stored:#?}");
    let security = rig.topic("staff/security/alert");
    let alert = listener.find_on(&security, "the alarm", |alert| alert["on"] == true).await;
    assert_eq!(alert["raised"], alarms[0].seq.0);
    let digits = |card: [u8; 5]| card.map(|byte| format!("{byte:02X}")).concat();
    let log = std::fs::read_to_string(rig.scene.log()).unwrap().to_uppercase();
    assert!(!log.contains(&digits(cards[0])), "a card's number is in the log");
}

#[tokio::test]
async fn a_port_that_another_process_has_is_named_and_taken_when_it_is_free() {
    let rig = Rig::set(Plan::default()).await;
    let other = File::options().read(true).write(true).open(rig.scene.readers[0].path()).unwrap();
    flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
    let mut gateway = rig.start_unseen();
    let down = rig.find_stored("reader down", |entry| matches!(entry.what, What::ReaderDown { .. })).await;
    let What::ReaderDown { reader, reason } = &down.what else { unreachable!() };
    assert_eq!(*reader, rig.scene.campus.readers[0].id);
    assert!(reason.contains("another process has the port open"), "{reason}");

    drop(other);
    gateway.wait_until_open(&rig.devices()).await.unwrap();
    rig.find_stored("reader up", |entry| matches!(entry.what, What::ReaderUp { .. })).await;
    let child = rig.students().next().unwrap();
    rig.tap_until_green(0, child).await;
}
