/// One value for each resource that a node's price is split over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Each<T> {
    /// CPU; quantities in thousandths of a core.
    pub cpu: T,
    /// Memory; quantities in bytes.
    pub memory: T,
    /// GPU; quantities in whole devices.
    pub gpu: T,
}

/// What a node has or a pod asks for: cpu millis, memory bytes, gpu count.
pub type Quantities = Each<i64>;

impl<T> Each<T> {
    /// The same value thrice.
    pub fn splat(value: T) -> Self
    where
        T: Clone,
    {
        Self {
            cpu: value.clone(),
            memory: value.clone(),
            gpu: value,
        }
    }

    /// A view that can be mapped without giving the values away.
    pub fn as_ref(&self) -> Each<&T> {
        Each {
            cpu: &self.cpu,
            memory: &self.memory,
            gpu: &self.gpu,
        }
    }

    /// Each value changed.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Each<U> {
        Each {
            cpu: change(self.cpu),
            memory: change(self.memory),
            gpu: change(self.gpu),
        }
    }

    /// Each value beside its fellow.
    pub fn zip<U>(self, other: Each<U>) -> Each<(T, U)> {
        Each {
            cpu: (self.cpu, other.cpu),
            memory: (self.memory, other.memory),
            gpu: (self.gpu, other.gpu),
        }
    }

    /// CPU, memory, GPU.
    pub fn into_array(self) -> [T; 3] {
        [self.cpu, self.memory, self.gpu]
    }
}

impl<T> From<[T; 3]> for Each<T> {
    fn from([cpu, memory, gpu]: [T; 3]) -> Self {
        Self { cpu, memory, gpu }
    }
}
