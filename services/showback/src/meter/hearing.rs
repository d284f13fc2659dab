/// Longest silence of a watch that lives: it ends every 25 s and is asked for again, and a failure to do so speaks up.
const SILENCE_SECONDS_MAX: i64 = 60;

/// Up to when the cluster was heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hearing {
    heard_s: Option<i64>,
    trouble_s: Option<i64>,
    is_listed: bool,
}

impl Hearing {
    /// What an earlier process heard last.
    pub fn since(heard_s: Option<i64>) -> Self {
        Self {
            heard_s,
            ..Self::default()
        }
    }

    /// Something was heard; `is_listed` says whether every list is complete.
    pub fn word(&mut self, now_s: i64, is_listed: bool) {
        self.is_listed = is_listed;
        self.trouble_s = None;
        if is_listed {
            self.heard_s = Some(now_s);
        }
    }

    /// A watch failed: it had been alive until now, unless it was in trouble already.
    pub fn trouble(&mut self, now_s: i64) {
        if self.is_listed && !self.is_troubled(now_s) {
            self.heard_s = Some(now_s);
        }
        self.trouble_s = Some(now_s);
    }

    /// The last proof of life of everything that was known then.
    pub fn proof_s(&self) -> Option<i64> {
        self.heard_s
    }

    /// Up to when everything that happened is included; a watch that is silent and well includes now.
    pub fn as_of(&self, now_s: i64) -> Option<i64> {
        let is_live = self.is_listed && !self.is_troubled(now_s);
        if is_live { Some(now_s) } else { self.heard_s }
    }

    fn is_troubled(&self, now_s: i64) -> bool {
        self.trouble_s
            .is_some_and(|trouble_s| now_s - trouble_s <= SILENCE_SECONDS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_before_the_first_list() {
        let mut hearing = Hearing::default();
        assert_eq!(hearing.as_of(10), None);
        hearing.word(10, false);
        assert_eq!(hearing.as_of(10), None);
        hearing.word(11, true);
        assert_eq!((hearing.as_of(99), hearing.proof_s()), (Some(99), Some(11)));
    }

    #[test]
    fn a_broken_watch_stops_the_clock_at_its_first_trouble() {
        let mut hearing = Hearing::default();
        hearing.word(10, true);
        hearing.trouble(100);
        hearing.trouble(150);
        hearing.trouble(200);
        assert_eq!(
            (hearing.as_of(205), hearing.proof_s()),
            (Some(100), Some(100))
        );
        assert_eq!(
            hearing.as_of(261),
            Some(261),
            "no failure for a minute: the watch is back"
        );
        hearing.word(262, true);
        assert_eq!(hearing.as_of(270), Some(270));
    }
}
