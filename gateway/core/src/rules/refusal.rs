//! A tap that is granted nothing, and the alarm that may follow.

use crate::{
    alarm::Alarm,
    entry::{Reason, Tap, What},
    picture::Picture,
    roster::Holder,
    rules::tap::show,
    school::School,
};

/// Writes the refusal down, shows it, and raises the alarm unless it is on already.
pub(crate) fn refuse(school: &mut School, holder: Option<Holder>, tap: Tap, reason: Reason) {
    let alarm = Alarm::of_refusal(holder.as_ref(), &tap, &reason);
    let what = What::Refused { holder, tap: tap.clone(), reason };
    let picture = Picture::of(&what).unwrap_or(Picture::SeeTeacher);
    let seq = school.record(what);
    show(school, seq, tap, picture);
    if let Some(alarm) = alarm {
        school.raise(alarm, Some(seq));
    }
}
