import Foundation

/// Makes plain coloured avatars at once and without a model, for tests and previews.
///
/// The same selfies, style and seed give the same picture, and any other a different one. It does
/// not draw anybody: the picture is a gradient.
public struct FakeBackend: Backend {
  /// Called before each network call with the component's name; what it throws, the call throws.
  public typealias Hook = @Sendable (_ component: String) throws(AvatarError) -> Void

  private let before: Hook

  /// - Parameter before: Called before each network call, to wait or to fail.
  public init(before: @escaping Hook = { (_) throws(AvatarError) in }) {
    self.before = before
  }

  /// No files.
  public var needsFiles: Bool { false }

  /// A runner that fills every output by a simple rule.
  public func load(
    _ component: ComponentDescription, of model: ModelDescription, in folder: URL?
  ) async throws(AvatarError) -> any Runner {
    FakeRunner(component: component, before: before)
  }
}

private struct FakeRunner: Runner {
  let component: ComponentDescription
  let before: FakeBackend.Hook

  func run(_ inputs: [String: Tensor], into outputs: [String: Tensor]) throws(AvatarError) {
    try before(component.name)
    let sum = component.inputs.reduce(0.0) { $0 + (inputs[$1.name].map(weigh) ?? 0) }
    for output in component.outputs {
      guard let tensor = outputs[output.name], tensor.element == .float32 else { continue }
      let width = output.isImage ? output.shape.last ?? 1 : 1
      tensor.withFloats { values in
        for index in values.indices {
          let place =
            output.isImage ? index / (values.count / 3) * 7 + index % width / 32 : index % 64
          values[index] = 0.5 + 0.5 * Float(sin(sum + Double(place) * 0.3))
        }
      }
    }
  }

  /// A number that is different for different contents.
  private func weigh(_ tensor: Tensor) -> Double {
    guard tensor.element == .float32 else {
      return tensor.withIntegers { values in values.reduce(0) { $0 * 31 + Double($1) + 1 } }
    }
    return tensor.withFloats { values in
      values.enumerated().reduce(0) { $0 + Double($1.element) * Double($1.offset % 97 + 1) / 97 }
    }
  }
}
