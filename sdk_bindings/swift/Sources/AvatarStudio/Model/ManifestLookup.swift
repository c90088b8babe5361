/// The names of the components that draw an avatar.
enum ComponentName: String, CaseIterable {
  case identityEncoder = "identity_encoder"
  case denoiser
  case decoder
}

extension Manifest {
  /// The schema versions that this library reads.
  static let readableSchemas = 1...2

  /// Throws `modelOfAnotherVersion` if this library cannot read the manifest's schema version, or if
  /// a sampler table is incomplete.
  func checkReadable() throws(AvatarError) {
    let known = Self.readableSchemas
    guard known.contains(schemaVersion) else {
      let reason = "its manifest has schema version \(schemaVersion), expected "
      throw .modelOfAnotherVersion(reason: reason + "\(known.lowerBound) or \(known.upperBound)")
    }
    guard samplers.allSatisfy(\.isComplete) else {
      throw .modelOfAnotherVersion(reason: "a sampler table is incomplete")
    }
    guard preview?.fits(try component(.denoiser).input("latents").shape) ?? true else {
      throw .modelOfAnotherVersion(reason: "its preview does not fit its latents")
    }
  }

  /// The largest number of selfies that a run takes.
  public var maxSelfies: Int {
    let places = components.first { $0.name == ComponentName.identityEncoder.rawValue }?
      .inputs.first { $0.name == "selfies" }?.shape.first
    let limit = rules.first { $0.rule == .count }?.max.map { Int($0) }
    return min(places ?? 0, limit ?? Int.max)
  }

  /// Returns the component with this name.
  ///
  /// Throws `modelOfAnotherVersion` if there is none.
  func component(_ name: ComponentName) throws(AvatarError) -> Component {
    guard let found = components.first(where: { $0.name == name.rawValue }) else {
      throw .modelOfAnotherVersion(reason: "it has no component \(name.rawValue)")
    }
    return found
  }

  /// Returns the table for this number of steps, or the default table for nil.
  ///
  /// Throws `stepsUnknown` if there is none.
  func sampler(steps: Int?) throws(AvatarError) -> SamplerTable {
    let fits = samplers.first { steps == nil || $0.timesteps.count == steps }
    guard let fits else {
      throw .stepsUnknown(steps: steps ?? 0, known: samplers.map(\.timesteps.count).sorted())
    }
    return fits
  }
}

extension SamplerTable {
  /// Whether steps of this table can add fresh noise.
  var addsNoise: Bool { !downs.isEmpty }

  /// Whether the lists fit each other.
  fileprivate var isComplete: Bool {
    let steps = timesteps.count
    guard steps > 0, sigmas.count == steps + 1, downs.count == noises.count else { return false }
    return !addsNoise || (downs.count == steps && downs.allSatisfy { $0 < 1 })
  }
}

extension Component {
  /// Returns the input with this name.
  ///
  /// Throws `modelOfAnotherVersion` if there is none.
  func input(_ name: String) throws(AvatarError) -> TensorSpec {
    guard let found = inputs.first(where: { $0.name == name }) else {
      throw .modelOfAnotherVersion(reason: "\(self.name) has no input \(name)")
    }
    return found
  }

  /// Returns the output of a component that has exactly one, else throws `modelOfAnotherVersion`.
  func output() throws(AvatarError) -> TensorSpec {
    guard let output = outputs.first, outputs.count == 1 else {
      throw .modelOfAnotherVersion(reason: "\(name) has \(outputs.count) outputs, expected 1")
    }
    return output
  }
}

extension TensorSpec {
  /// The number of elements.
  var count: Int { shape.reduce(1, *) }

  /// Allocates a tensor of this shape and type.
  ///
  /// Throws `outOfMemory`.
  func tensor(allocator: any BufferAllocator) throws(AvatarError) -> Tensor {
    try Tensor(elementType, shape: shape, allocator: allocator)
  }
}
