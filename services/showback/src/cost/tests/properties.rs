use proptest::prelude::*;

use super::*;

/// End of the generated world: somewhat more than two days, so that midnights fall inside.
const HORIZON_S: i64 = 2 * DAY_SECONDS + 7_000;

prop_compose! {
    fn any_span()(a in 0..=HORIZON_S, b in 0..=HORIZON_S) -> Span {
        span(a.min(b), a.max(b))
    }
}

prop_compose! {
    /// Pods of four namespaces on two nodes; often more than fits, sometimes of no length, sometimes beyond the node's life.
    fn any_usage()(
        node in 0..2, namespace in 0..4, span in any_span(), cpu in 0..3_000_i64, gib in 0..6_i64,
    ) -> UsageInterval {
        usage(&format!("n{node}"), &format!("ns{namespace}"), span, cpu, gib)
    }
}

prop_compose! {
    fn any_observed()(
        lives in prop::array::uniform2(any_span()),
        usages in prop::collection::vec(any_usage(), 0..12),
        handover in prop::array::uniform3(0..=HORIZON_S),
    ) -> Observed {
        let nodes = vec![node("n0", lives[0], 4, 16), node("n1", lives[1], 2, 4)];
        // ns0 changes hands, ns1 is owned for a while, ns2 always, ns3 never.
        let ownerships = vec![
            ownership("ns0", "a", span(0, handover[0])),
            ownership("ns0", "b", span(handover[0], HORIZON_S)),
            ownership("ns1", "a", span(handover[1].min(handover[2]), handover[1].max(handover[2]))),
            ownership("ns2", "c", span(0, HORIZON_S)),
        ];
        Observed { nodes, usages, ownerships }
    }
}

fn any_grouping() -> impl Strategy<Value = Grouping> {
    (any::<bool>(), any::<bool>()).prop_map(|(is_by_namespace, is_by_day)| Grouping {
        is_by_namespace,
        is_by_day,
    })
}

fn any_sharing() -> impl Strategy<Value = IdleSharing> {
    prop_oneof![Just(IdleSharing::Separate), Just(IdleSharing::ByNode)]
}

fn count(observed: &Observed, window: Span, grouping: Grouping, sharing: IdleSharing) -> Tally {
    tally(observed, &book("0.0963"), window, grouping, sharing).unwrap()
}

fn add(a: Tally, b: Tally) -> Tally {
    let mut sum = a;
    sum.node_cost += b.node_cost;
    for (key, line) in b.lines {
        let into = sum.lines.entry(key).or_default();
        into.cost = into.cost.clone().zip(line.cost).map(|(a, b)| a + b);
        into.reserved = into.reserved.zip(line.reserved).map(|(a, b)| a + b);
    }
    sum
}

proptest! {
    #[test]
    fn rows_add_up_to_the_nodes_exactly(
        observed in any_observed(), window in any_span(), grouping in any_grouping(), sharing in any_sharing(),
    ) {
        let tally = count(&observed, window, grouping, sharing);
        let costs = tally.lines.values().flat_map(|line| line.cost.as_ref().into_array());
        prop_assert!(costs.clone().all(|cost| *cost >= rational(0, 1)));
        prop_assert_eq!(costs.sum::<BigRational>(), tally.node_cost);
    }

    #[test]
    fn windows_add_up(
        observed in any_observed(), cuts in prop::array::uniform3(0..=HORIZON_S),
        grouping in any_grouping(), sharing in any_sharing(),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let of = |from: usize, to: usize| count(&observed, span(cuts[from], cuts[to]), grouping, sharing);
        prop_assert_eq!(add(of(0, 1), of(1, 2)), of(0, 2));
    }

    #[test]
    fn finer_rows_add_up_to_coarser_ones(
        observed in any_observed(), window in any_span(), grouping in any_grouping(), sharing in any_sharing(),
    ) {
        let coarse = count(&observed, window, Grouping::default(), sharing);
        let fine = count(&observed, window, grouping, sharing);
        let mut merged = Tally { lines: [].into(), ..fine.clone() };
        for (key, line) in fine.lines {
            let key = RowKey { namespace: None, day: None, ..key };
            let lines = [(key, line)].into();
            merged = add(merged, Tally { lines, node_cost: rational(0, 1), notes: [].into() });
        }
        prop_assert_eq!(merged, coarse);
    }

    #[test]
    fn order_of_observation_is_irrelevant(
        (observed, shuffled) in any_observed().prop_flat_map(|observed| {
            let usages = Just(observed.usages.clone()).prop_shuffle();
            (Just(observed), usages)
        }),
        window in any_span(), grouping in any_grouping(), sharing in any_sharing(),
    ) {
        let mut other = Observed { usages: shuffled, ..observed.clone() };
        other.nodes.reverse();
        other.ownerships.reverse();
        prop_assert_eq!(count(&other, window, grouping, sharing), count(&observed, window, grouping, sharing));
    }

    #[test]
    fn a_cut_in_an_interval_changes_nothing(
        observed in any_observed(), at in 0..=HORIZON_S, window in any_span(), sharing in any_sharing(),
    ) {
        let grouping = Grouping::default();
        let mut cut = observed.clone();
        cut.usages = observed.usages.iter().flat_map(|usage| {
            usage.span.cut([at]).into_iter().map(|span| UsageInterval { span, ..usage.clone() })
        }).collect();
        prop_assert_eq!(count(&cut, window, grouping, sharing), count(&observed, window, grouping, sharing));
    }

    #[test]
    fn a_filter_changes_nobodys_digits(
        observed in any_observed(), window in any_span(), grouping in any_grouping(),
    ) {
        let tally = count(&observed, window, grouping, IdleSharing::Separate);
        let all = Report::of(tally.clone(), None);
        for name in ["a", "b", "c", "nobody"] {
            let only = Report::of(tally.clone(), Some(&tenant(name)));
            let is_theirs = |row: &&Row| row.key.owner == Owner::Tenant(tenant(name));
            prop_assert_eq!(&only.rows, &all.rows.iter().filter(is_theirs).cloned().collect::<Vec<_>>());
            prop_assert_eq!(&only.node_cost, &all.node_cost);
        }
    }

    #[test]
    fn printed_rows_add_up_to_the_printed_total(
        observed in any_observed(), window in any_span(), grouping in any_grouping(), sharing in any_sharing(),
    ) {
        let report = Report::of(count(&observed, window, grouping, sharing), None);
        prop_assert_eq!(&report.total, &report.node_cost);
        for row in &report.rows {
            prop_assert_eq!(&row.total, &row.cost.as_ref().into_array().into_iter().sum::<Amount>());
        }
        prop_assert_eq!(&report.total, &report.rows.iter().map(|row| &row.total).sum::<Amount>());
    }

    #[test]
    fn rows_not_cut_by_owner_add_up_as_well(observed in any_observed(), window in any_span()) {
        let grouping = Grouping { is_by_namespace: false, is_by_day: true };
        let cut = Report::of(count(&observed, window, grouping, IdleSharing::Separate), None);
        let whole = cut.clone().of_everybody();
        prop_assert_eq!(&whole.rows.iter().map(|row| &row.total).sum::<Amount>(), &cut.total);
        prop_assert!(whole.rows.iter().all(|row| row.key.owner == Owner::Everybody));
    }
}
