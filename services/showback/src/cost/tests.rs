mod golden;
mod properties;

use num_rational::BigRational;
use uuid::Uuid;

use super::*;
use crate::price::{PriceBook, PurchaseOption};

fn rational(numerator: i64, denominator: i64) -> BigRational {
    BigRational::new(numerator.into(), denominator.into())
}

fn span(start_s: i64, end_s: i64) -> Span {
    Span::new(start_s, end_s).unwrap()
}

fn tenant(name: &str) -> TenantName {
    TenantName::parse(name).unwrap()
}

/// A book with one type `x` at `per_hour`, split CPU to memory as 9 to 1, as AWS does.
fn book(per_hour: &str) -> PriceBook {
    crate::price::parse(&format!(
        "name: test\nversion: '1'\ncurrency: USD\nsplit: {{cpu_core_hour: '9', memory_gib_hour: '1', gpu_hour: '0'}}\nprices:\n- {{instance_type: x, region: r, purchase_option: on_demand, price_per_hour: '{per_hour}', valid_from: '1970-01-01T00:00:00Z'}}\n"
    ))
    .unwrap()
}

fn node(name: &str, span: Span, cores: i64, gib: i64) -> NodeInterval {
    let price_key = PriceKey {
        instance_type: "x".into(),
        region: "r".into(),
        purchase_option: PurchaseOption::OnDemand,
    };
    let capacity = Each {
        cpu: cores * 1_000,
        memory: gib << 30,
        gpu: 0,
    };
    NodeInterval {
        node: name.into(),
        span,
        capacity,
        price_key,
    }
}

fn namespace_uid(namespace: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, namespace.as_bytes())
}

fn usage(node: &str, namespace: &str, span: Span, cpu_millis: i64, gib: i64) -> UsageInterval {
    let request = Each {
        cpu: cpu_millis,
        memory: gib << 30,
        gpu: 0,
    };
    UsageInterval {
        node: node.into(),
        namespace_uid: namespace_uid(namespace),
        namespace: namespace.into(),
        span,
        request,
    }
}

fn ownership(namespace: &str, owner: &str, span: Span) -> OwnershipInterval {
    OwnershipInterval {
        namespace_uid: namespace_uid(namespace),
        tenant: tenant(owner),
        span,
    }
}
