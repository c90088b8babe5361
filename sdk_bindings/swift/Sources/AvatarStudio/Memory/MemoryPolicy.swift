import Foundation

/// How many networks a studio holds in memory.
public enum MemoryPolicy: Sendable, Equatable {
  /// A network stays loaded from its first use on, so that later runs begin at once.
  case keepAll
  /// One network at a time: the studio loads it, runs it for all avatars of a run, and releases it
  /// before it loads the next one, and at the end of the run. The avatars of a run then come
  /// together at its end. Runs that overlap hold a network each and load it again and again, so an
  /// app should wait for one run before it starts the next.
  case oneAtATime
  /// `keepAll` if all networks are estimated to need at most a third of the device's memory, else
  /// `oneAtATime`. A system lets the app in front use about half.
  case automatic

  /// Returns the policy that `automatic` stands for, or the policy itself.
  ///
  /// - Parameter deviceBytes: The memory of the device in bytes.
  func resolved(
    for manifest: Manifest, deviceBytes: UInt64 = ProcessInfo.processInfo.physicalMemory
  ) -> MemoryPolicy {
    guard self == .automatic else { return self }
    let needed = UInt64(manifest.estimatedPeakMemoryBytes(.keepAll))
    return needed <= deviceBytes / 3 ? .keepAll : .oneAtATime
  }
}

extension Manifest {
  /// Estimates the memory that the networks need at most during a run, in bytes.
  ///
  /// It is an estimate from the sizes of the model's files and the shapes of the tensors, before
  /// anything is loaded. Core ML maps the weights of a package. ONNX Runtime on the CPU holds the
  /// weights of an `.onnx` file as float32 and once more in the order of its kernels; a quantized
  /// model can need a multiple of the estimate there. What a network holds between its inputs and
  /// outputs is not in the manifest and taken as 16 times both. `AvatarEvent.Finished` has the
  /// measured peak.
  public func estimatedPeakMemoryBytes(_ policy: MemoryPolicy) -> Int {
    let weights = components.map(weightBytes)
    let tensors = components.map { 16 * 4 * ($0.inputs + $0.outputs).reduce(0) { $0 + $1.count } }
    switch policy.resolved(for: self) {
    case .oneAtATime: return zip(weights, tensors).map(+).max() ?? 0
    case .keepAll, .automatic: return weights.reduce(0, +) + (tensors.max() ?? 0)
    }
  }

  private func weightBytes(of component: Component) -> Int {
    let bytes = files.filter { $0.belongs(to: component) }.reduce(0) { $0 + $1.byteCount }
    return switch kind {
    case .mlpackage: bytes
    case .onnx: 5 * bytes
    case .ort: 5 * bytes / 2
    }
  }
}
