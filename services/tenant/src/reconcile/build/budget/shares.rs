//! How one resource of a budget moves between namespaces.

use std::collections::BTreeMap;

use tenantry_k8s::quantity::Millis;

/// What one namespace has of one resource.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    /// The most that the apiserver may let in: the higher of spec and status.
    pub(super) hard: Millis,
    pub(super) used: Millis,
    /// The share that creates on their way in need.
    pub(super) asked: Millis,
    /// What may be in use beyond that.
    pub(super) doubt: Millis,
    /// Whether one more count would clear that up.
    pub(super) is_due: bool,
}

/// The same in whole parts.
#[derive(Debug, Clone, Copy)]
struct Part {
    hard: i128,
    used: i128,
    asked: i128,
    doubt: i128,
    is_due: bool,
}

impl Part {
    fn of(held: &Held, unit: i128) -> Self {
        let up = |millis: Millis| (millis.get() + unit - 1) / unit;
        Self {
            hard: held.hard.get() / unit,
            used: up(held.used),
            asked: up(held.asked),
            doubt: up(held.doubt),
            is_due: held.is_due,
        }
    }

    /// What is in use, or about to be.
    fn claimed(&self) -> i128 {
        self.used.max(self.asked)
    }

    fn free(&self) -> i128 {
        (self.hard - self.claimed() - self.doubt).max(0)
    }

    /// What nobody else can have: use may be above a share that was lowered meanwhile, and above what is told.
    fn in_hand(&self) -> i128 {
        self.hard.max(self.used) + self.doubt
    }
}

/// The next share of each name, in parts of `unit` thousandths: lowered at once, raised only by what nobody holds any more.
///
/// `held` also has namespaces on their way out, which get nothing and still hold theirs.
pub(super) fn next<'a>(
    total: Millis,
    unit: i128,
    names: &[&'a str],
    held: &BTreeMap<String, Held>,
) -> BTreeMap<&'a str, Millis> {
    let total = total.get() / unit;
    let part = |name: &&str| Part::of(&held.get(*name).copied().unwrap_or_default(), unit);
    let now: Vec<Part> = names.iter().map(part).collect();
    let all = held.values().map(|held| Part::of(held, unit));
    let left = total - all.map(|part| part.in_hand()).sum::<i128>();
    let is_settled = left >= 0 && names.len() == held.len();
    let doubt: i128 = now.iter().map(|part| part.doubt).sum();
    let is_doubted = left < 0 && left + doubt >= 0 && names.len() == held.len();
    let wishes = Wishes::of(total, &now);
    let shares = if is_settled && now.iter().any(|part| part.is_due) {
        counted_anew(&now)
    } else if is_settled && wishes.beyond.iter().any(|wish| *wish > 0) {
        wishes.served(&now, left)
    } else if is_settled && left == 0 {
        now.iter().map(|part| part.hard).collect()
    } else if is_doubted {
        lowered(&now, -left)
    } else {
        spread(total, &now, left.max(0))
    };
    let in_millis = shares.into_iter().map(|share| Millis::new(share * unit));
    names.iter().copied().zip(in_millis).collect()
}

/// What namespaces would have beyond their shares.
#[derive(Debug)]
struct Wishes {
    beyond: Vec<i128>,
    /// What others keep free in any case.
    spared: i128,
}

impl Wishes {
    /// Creates on their way in come first, whatever it takes. If there are none, who has less than half of an even part of
    /// what is free wishes for all of it.
    ///
    /// Half, so that a move is followed by quiet: each pod must not move shares.
    fn of(total: i128, now: &[Part]) -> Self {
        let asked = now.iter().map(|part| (part.asked - part.hard).max(0));
        let asked: Vec<i128> = asked.collect();
        if asked.iter().any(|wish| *wish > 0) {
            return Self {
                beyond: asked,
                spared: 0,
            };
        }
        let claimed: i128 = now.iter().map(Part::claimed).sum();
        let even = (total - claimed).max(0) / count(now);
        let wish = |part: &Part| {
            let is_short = 2 * part.free() < even;
            if is_short { even - part.free() } else { 0 }
        };
        Self {
            beyond: now.iter().map(wish).collect(),
            // Who gives does not become short by it, or it would go round in circles.
            spared: (even + 1) / 2,
        }
    }

    /// From hand to hand: what is `left` goes to who wishes, and the richest give up half until that will do.
    ///
    /// Few are touched, for each change of a share makes the apiserver count anew what is there.
    fn served(&self, now: &[Part], left: i128) -> Vec<i128> {
        let given = self.handed_out(left);
        let shares = now.iter().zip(&given);
        let mut shares: Vec<i128> = shares.map(|(part, given)| part.hard + given).collect();
        let missing = self.beyond.iter().zip(&given);
        let missing = missing
            .map(|(wish, given)| (wish - given).max(0))
            .sum::<i128>();
        let free = now.iter().zip(&self.beyond);
        let free = free.map(|(part, wish)| if *wish > 0 { 0 } else { part.free() });
        collect(
            &mut free.collect::<Vec<_>>(),
            &mut shares,
            missing,
            self.spared,
        );
        shares
    }

    /// What each gets of `left`: his wish, and the first one the rest: kept back, it would be spread over all.
    fn handed_out(&self, mut left: i128) -> Vec<i128> {
        let give = |wish: &i128| {
            let given = *wish.min(&left);
            left -= given;
            given
        };
        let mut given: Vec<i128> = self.beyond.iter().map(give).collect();
        let first = self.beyond.iter().position(|wish| *wish > 0);
        if let Some(given) = first.and_then(|first| given.get_mut(first)) {
            *given += left;
        }
        given
    }
}

/// Lowers the shares of the richest by half of what is `free`, until `missing` is together; nobody below `spared`.
fn collect(free: &mut [i128], shares: &mut [i128], mut missing: i128, spared: i128) {
    while missing > 0 {
        let richest = free.iter().enumerate().max_by_key(|(_, free)| **free);
        let Some((richest, most)) = richest.map(|(at, free)| (at, *free)) else {
            break;
        };
        let take = (most / 2).max(1).min(most - spared);
        if take <= 0 {
            break;
        }
        free[richest] -= take;
        shares[richest] -= take;
        missing -= take;
    }
}

/// Shares without what is `missing`, which the richest give up; what they have not is taken where it may be in use anyway.
fn lowered(now: &[Part], mut missing: i128) -> Vec<i128> {
    let mut shares: Vec<i128> = now.iter().map(|part| part.hard).collect();
    let mut richest: Vec<usize> = (0..now.len()).collect();
    richest.sort_by_key(|at| -now[*at].free());
    for at in richest {
        let taken = now[at].free().min(missing);
        shares[at] -= taken;
        missing -= taken;
    }
    for (share, part) in shares.iter_mut().zip(now) {
        let taken = part.doubt.min(missing).min(*share);
        *share -= taken;
        missing -= taken;
    }
    shares
}

/// Shares one lower where a count is due: any change makes the apiserver count, and then it is given back.
fn counted_anew(now: &[Part]) -> Vec<i128> {
    let share = |part: &Part| part.hard - i128::from(part.is_due && part.hard > 0);
    now.iter().map(share).collect()
}

/// Everybody gets what is in use and an even part of the rest.
fn spread(total: i128, now: &[Part], mut left: i128) -> Vec<i128> {
    let raised = |(target, part): (i128, &Part)| {
        let raise = (target - part.hard).clamp(0, left);
        left -= raise;
        target.min(part.hard) + raise
    };
    targets(total, now)
        .into_iter()
        .zip(now)
        .map(raised)
        .collect()
}

/// Where the shares should be: what is in use, then what was asked for, and the rest evenly, with the remainder to the first.
fn targets(total: i128, now: &[Part]) -> Vec<i128> {
    let mut left = total;
    let mut take = |wish: i128| {
        // A budget lowered below use cannot cover all of it.
        let kept = wish.min(left);
        left -= kept;
        kept
    };
    let used: Vec<i128> = now.iter().map(|part| take(part.used)).collect();
    let asked: Vec<i128> = now
        .iter()
        .map(|part| take((part.asked - part.used).max(0)))
        .collect();
    let (each, mut remainder) = (left / count(now), left % count(now));
    let share = |(used, asked): (i128, i128)| {
        let extra = i128::from(remainder > 0);
        remainder -= extra;
        used + asked + each + extra
    };
    used.into_iter().zip(asked).map(share).collect()
}

fn count(now: &[Part]) -> i128 {
    i128::try_from(now.len()).unwrap_or(i128::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(used: &[i128]) -> Vec<Part> {
        let part = |used: &i128| Part {
            hard: 0,
            used: *used,
            asked: 0,
            doubt: 0,
            is_due: false,
        };
        used.iter().map(part).collect()
    }

    /// Namespaces a, b, c … with share, use and what is asked for.
    fn all(held: &[(i128, i128, i128)]) -> BTreeMap<String, Held> {
        let of = |(name, (hard, used, asked)): (char, &(i128, i128, i128))| {
            let held = Held {
                hard: Millis::new(hard * 1000),
                used: Millis::new(used * 1000),
                asked: Millis::new(asked * 1000),
                doubt: Millis::ZERO,
                is_due: false,
            };
            (name.to_string(), held)
        };
        ('a'..).zip(held).map(of).collect()
    }

    fn step(total: i128, held: &BTreeMap<String, Held>) -> Vec<i128> {
        let names: Vec<&str> = held.keys().map(String::as_str).collect();
        let shares = next(Millis::new(total * 1000), 1000, &names, held);
        shares.values().map(|share| share.get() / 1000).collect()
    }

    /// Shares each time they changed, with everything carried out at once, until they rest.
    fn steps(total: i128, held: &mut BTreeMap<String, Held>) -> Vec<Vec<i128>> {
        let mut seen: Vec<Vec<i128>> = Vec::new();
        loop {
            let shares = step(total, held);
            if held
                .values()
                .map(|held| held.hard.get() / 1000)
                .eq(shares.iter().copied())
            {
                return seen;
            }
            assert!(shares.iter().sum::<i128>() <= total, "{shares:?}");
            for (held, share) in held.values_mut().zip(&shares) {
                held.hard = Millis::new(share * 1000);
            }
            seen.push(shares);
            assert!(seen.len() < 50, "no rest: {seen:?}");
        }
    }

    #[test]
    fn the_slack_is_even_above_what_is_in_use() {
        let check = |total: i128, used: &[i128], expected: &[i128]| {
            assert_eq!(targets(total, &parts(used)), expected, "{total} {used:?}");
        };
        check(10, &[0, 0], &[5, 5]);
        check(10, &[1, 1, 1], &[4, 3, 3]);
        check(10, &[8, 0], &[9, 1]);
        check(10, &[8, 0, 0], &[9, 1, 0]);
        check(10, &[10, 0], &[10, 0]);
        check(1, &[0, 0], &[1, 0]);
        check(10, &[], &[]);
        check(4, &[5, 5], &[4, 0]); // the budget was lowered below use
    }

    #[test]
    fn cpu_is_split_in_thousandths() {
        let shares = next(Millis::new(1000), 1, &["a", "b"], &BTreeMap::new());
        assert_eq!(
            shares.into_values().collect::<Vec<_>>(),
            [Millis::new(500); 2]
        );
    }

    #[test]
    fn a_share_is_raised_only_by_what_nobody_holds() {
        let check = |held: &[(&str, i128)], expected: &[i128]| {
            let of = |(name, hard): &(&str, i128)| {
                let hard = Millis::new(hard * 1000);
                (
                    (*name).to_owned(),
                    Held {
                        hard,
                        ..Held::default()
                    },
                )
            };
            let held = held.iter().map(of).collect();
            let shares = next(Millis::new(10_000), 1000, &["a", "b"], &held);
            let shares: Vec<i128> = shares.values().map(|share| share.get() / 1000).collect();
            assert_eq!(shares, expected, "{held:?}");
        };
        check(&[], &[5, 5]);
        check(&[("a", 10)], &[5, 0]); // first lower a …
        check(&[("a", 5)], &[5, 5]); // … then give to b
        check(&[("a", 5), ("b", 0), ("gone", 5)], &[5, 0]); // a namespace on its way out still holds its share
    }

    #[test]
    fn use_above_a_lowered_share_is_nobody_elses() {
        // a was lowered from 5 while a fifth one came.
        assert_eq!(step(10, &all(&[(4, 5, 0), (5, 5, 6)])), [4, 5]);
    }

    #[test]
    fn use_that_may_not_be_told_is_taken_from_the_richest() {
        let mut held = all(&[(10, 5, 0), (10, 2, 0), (10, 6, 0)]);
        held.get_mut("a").unwrap().doubt = Millis::new(2000);
        assert_eq!(step(30, &held), [10, 8, 10]);
        held.get_mut("b").unwrap().hard = Millis::new(8000);
        assert_eq!(step(30, &held), [10, 8, 10]);
    }

    #[test]
    fn where_nobody_has_anything_to_give_a_doubt_lowers_the_share_itself() {
        let mut held = all(&[(10, 9, 0), (10, 10, 0), (10, 10, 0)]);
        held.get_mut("a").unwrap().doubt = Millis::new(1000);
        assert_eq!(step(30, &held), [9, 10, 10]);
        // The count that follows has it.
        *held.get_mut("a").unwrap() = all(&[(9, 10, 0)])["a"];
        assert_eq!(step(30, &held), [9, 10, 10]);
    }

    #[test]
    fn a_count_that_is_due_is_had_by_one_less_for_a_moment() {
        let mut held = all(&[(10, 9, 0), (9, 5, 0), (10, 10, 0)]);
        let a = held.get_mut("a").unwrap();
        (a.doubt, a.is_due) = (Millis::new(1000), true);
        assert_eq!(step(30, &held), [9, 9, 10]);
        // The same until the count is told.
        assert_eq!(step(30, &held), [9, 9, 10]);
        *held.get_mut("a").unwrap() = all(&[(9, 9, 0)])["a"];
        let rest = steps(30, &mut held).pop().unwrap();
        assert_eq!(rest.iter().sum::<i128>(), 30, "{rest:?}");
    }

    #[test]
    fn slack_follows_use_and_then_rests() {
        let mut held = all(&[(5, 0, 0), (5, 0, 0)]);
        let mut moves = Vec::new();
        // The last one cannot be halved: who needs it must ask.
        for used in 0..9 {
            held.get_mut("a").unwrap().used = Millis::new(used * 1000);
            let shares = steps(10, &mut held).pop();
            assert!(
                held["a"].hard.get() > used * 1000,
                "{used} in use, {held:?}"
            );
            moves.extend(shares);
        }
        assert_eq!(moves, [[7, 3], [8, 2], [9, 1]]);
    }

    #[test]
    fn who_asks_gets_half_of_the_richest_before_anybody_else_is_touched() {
        let mut held = all(&[(10, 10, 12), (10, 0, 0), (10, 4, 0)]);
        assert_eq!(steps(30, &mut held), [[10, 5, 10], [15, 5, 10]]);
    }

    #[test]
    fn the_last_one_is_found_wherever_it_is() {
        let mut held = all(&[(10, 10, 13), (11, 10, 0), (12, 10, 0)]);
        assert_eq!(steps(33, &mut held).pop(), Some(vec![13, 10, 10]));
        // Beyond the budget, nothing moves.
        held.get_mut("a").unwrap().asked = Millis::new(14_000);
        assert_eq!(steps(33, &mut held), Vec::<Vec<i128>>::new());
    }

    #[test]
    fn shares_never_add_up_to_more_than_the_budget_and_come_to_rest() {
        for total in [0, 1, 7, 12] {
            for n in 0..4096_i128 {
                let at = |place: u32| n / 4_i128.pow(place) % 4;
                let held = |place: u32| (at(place), at(place + 1), at(place + 3));
                let mut held = all(&[held(0), held(1), held(2)]);
                let before: i128 = held.values().map(|held| held.hard.get() / 1000).sum();
                if before <= total {
                    steps(total, &mut held);
                }
            }
        }
    }

    #[test]
    fn a_budget_lowered_below_use_lowers_at_once_and_raises_nobody() {
        let held = all(&[(8, 8, 0), (2, 2, 0)]);
        assert_eq!(step(6, &held), [6, 0]);
    }
}
