/// The networks that an avatar takes.
enum AvatarComponent: String, CaseIterable {
  case identityEncoder = "identity_encoder"
  case denoiser
  case decoder
}

extension ModelDescription {
  func component(_ component: AvatarComponent) throws(AvatarError) -> ComponentDescription {
    guard let found = components.first(where: { $0.name == component.rawValue }) else {
      throw .modelOfAnotherVersion(reason: "it has no \(component.rawValue)")
    }
    return found
  }

  /// The table of so many steps, the default's where none are named; throws `stepsUnknown`.
  func sampler(steps: Int?) throws(AvatarError) -> SamplerTable {
    let fits = samplers.first { steps == nil || $0.timesteps.count == steps }
    guard let fits else {
      throw .stepsUnknown(steps: steps ?? 0, known: samplers.map(\.timesteps.count).sorted())
    }
    return fits
  }
}

extension ComponentDescription {
  func input(_ name: String) throws(AvatarError) -> TensorDescription {
    try find(name, in: inputs)
  }

  /// The only output of a component that has one.
  func output() throws(AvatarError) -> TensorDescription {
    guard let output = outputs.first, outputs.count == 1 else {
      throw .modelOfAnotherVersion(reason: "\(name) has \(outputs.count) outputs, expected 1")
    }
    return output
  }

  private func find(
    _ wanted: String, in tensors: [TensorDescription]
  ) throws(AvatarError) -> TensorDescription {
    guard let found = tensors.first(where: { $0.name == wanted }) else {
      throw .modelOfAnotherVersion(reason: "\(name) has no \(wanted)")
    }
    return found
  }
}

extension TensorDescription {
  var count: Int { shape.reduce(1, *) }

  func tensor(allocator: any BufferAllocator) throws(AvatarError) -> Tensor {
    try Tensor(element, shape: shape, allocator: allocator)
  }
}
