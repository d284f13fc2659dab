use super::*;

const BOOK: &str = include_str!("../../../../deploy/pricebook.yaml");

fn rational(numerator: i64, denominator: i64) -> BigRational {
    BigRational::new(numerator.into(), denominator.into())
}

fn key(instance_type: &str, region: &str, purchase_option: PurchaseOption) -> PriceKey {
    PriceKey {
        instance_type: instance_type.into(),
        region: region.into(),
        purchase_option,
    }
}

fn span(start_s: i64, end_s: i64) -> Span {
    Span::new(start_s, end_s).unwrap()
}

/// 2026-11-24.
const NOW_S: i64 = 1_795_478_400;

const LARGE: Quantities = Each {
    cpu: 2_000,
    memory: 8 << 30,
    gpu: 0,
};

#[test]
fn the_shipped_book_is_valid_and_knows_both_regions() {
    let book = parse(BOOK).unwrap();
    assert_eq!(book.currency, "USD");
    let check = |instance_type: &str, region: &str, expected: BigRational| {
        let key = key(instance_type, region, PurchaseOption::OnDemand);
        let quotes = book.quotes(&key, LARGE, span(NOW_S, NOW_S + 1)).unwrap();
        assert_eq!(quotes.len(), 1);
        assert_eq!(
            (&quotes[0].per_hour, quotes[0].basis),
            (&expected, Basis::Row),
            "{key}"
        );
    };
    check("m5.large", "us-east-1", rational(96, 1_000));
    check("m5.large", "eu-north-1", rational(102, 1_000));
    check("t3.medium", "eu-north-1", rational(432, 10_000));
    check("g4dn.xlarge", "eu-north-1", rational(558, 1_000));
}

#[test]
fn the_parts_of_a_price_are_the_published_ones() {
    let book = parse(BOOK).unwrap();
    let parts = book.split(&rational(96, 1_000), LARGE);
    let ten_billionths =
        |part: &BigRational| (part * rational(100_000_000, 1)).round().to_integer();
    // §6: m5.large splits 0.03124710 / 0.00418822 per core and GiB.
    assert_eq!(
        ten_billionths(&(&parts.cpu / rational(2, 1))),
        3_124_710.into()
    );
    assert_eq!(
        ten_billionths(&(&parts.memory / rational(8, 1))),
        418_822.into()
    );
    assert_eq!(
        parts.into_array().into_iter().sum::<BigRational>(),
        rational(96, 1_000)
    );
}

#[test]
fn v4_node_price_splits_over_gpu_cpu_and_memory() {
    let mut book = parse(BOOK).unwrap();
    book.split = Each::from([30, 10, 30].map(|price| rational(price, 1)));
    let parts = book.split(
        &rational(35, 1),
        Each {
            cpu: 1_000,
            memory: 1 << 30,
            gpu: 1,
        },
    );
    assert_eq!(
        parts,
        Each::from([15, 5, 15].map(|price| rational(price, 1)))
    );
}

#[test]
fn a_spot_node_without_a_row_costs_what_its_type_costs_on_demand() {
    let book = parse(BOOK).unwrap();
    let spot = key("m5.large", "eu-north-1", PurchaseOption::Spot);
    let quotes = book.quotes(&spot, LARGE, span(NOW_S, NOW_S + 1)).unwrap();
    assert_eq!(
        (&quotes[0].per_hour, quotes[0].basis),
        (&rational(102, 1_000), Basis::OnDemandRow)
    );
}

#[test]
fn an_unknown_type_costs_its_capacity_or_is_missing() {
    let mut book = parse(BOOK).unwrap();
    let unknown = key("", "", PurchaseOption::OnDemand);
    let quotes = book
        .quotes(&unknown, LARGE, span(NOW_S, NOW_S + 1))
        .unwrap();
    let expected = rational(2 * 31_611 + 8 * 4_237, 1_000_000);
    assert_eq!(
        (&quotes[0].per_hour, quotes[0].basis),
        (&expected, Basis::Fallback)
    );

    book.fallback = None;
    let missing = book
        .quotes(&unknown, LARGE, span(NOW_S, NOW_S + 1))
        .unwrap_err();
    assert_eq!(missing.key, unknown);
}

#[test]
fn a_price_change_cuts_the_span() {
    let changing = book_with(&[
        ("1970-01-01T00:00:10Z", Some("1970-01-01T00:00:20Z"), "1"),
        ("1970-01-01T00:00:20Z", None, "2"),
    ]);
    let book = parse(&changing).unwrap();
    let key = key("x", "r", PurchaseOption::OnDemand);
    let quotes = book.quotes(&key, LARGE, span(15, 25)).unwrap();
    let found: Vec<_> = quotes
        .into_iter()
        .map(|quote| (quote.span, quote.per_hour))
        .collect();
    assert_eq!(
        found,
        [
            (span(15, 20), rational(1, 1)),
            (span(20, 25), rational(2, 1))
        ]
    );
    assert!(
        book.quotes(&key, LARGE, span(5, 15)).is_err(),
        "before the first validity"
    );
}

#[test]
fn a_broken_book_is_refused() {
    let check = |rows: &[(&str, Option<&str>, &str)], expected: &str| {
        assert_eq!(parse(&book_with(rows)).unwrap_err().to_string(), expected);
    };
    let key = "instance type x, region r, on_demand";
    let (first, second) = ("1970-01-01T00:00:10Z", "1970-01-01T00:00:20Z");
    check(
        &[(first, None, "1"), (second, None, "2")],
        &format!("two prices of {key} overlap"),
    );
    check(
        &[(second, Some(first), "1")],
        &format!("the validity of {key} is not a stretch of whole seconds"),
    );
    check(
        &[(first, None, "-1")],
        &format!("{key} has a price that is negative, or zero where the split needs a ratio"),
    );
    assert!(matches!(parse("name: x"), Err(Error::Shape(_))));
}

fn book_with(rows: &[(&str, Option<&str>, &str)]) -> String {
    let mut text = "name: test\nversion: '1'\ncurrency: USD\nsplit: {cpu_core_hour: '9', memory_gib_hour: '1', gpu_hour: '0'}\nprices:\n".to_owned();
    for (from, to, price) in rows {
        let to = to.map_or_else(String::new, |to| format!(", valid_to: '{to}'"));
        text += &format!(
            "- {{instance_type: x, region: r, purchase_option: on_demand, price_per_hour: '{price}', valid_from: '{from}'{to}}}\n"
        );
    }
    text
}
