import Foundation

/// Draws test pictures without a model, in milliseconds, for an app's tests and previews.
///
/// The same selfies, style and seed give the same picture, and others give another one. The picture
/// is a gradient and shows no person.
public struct FakeBackend: Backend {
  /// A function that gets the name of a component. The network call throws what it throws.
  public typealias Hook = @Sendable (_ component: String) throws(AvatarError) -> Void

  private let onCall: Hook

  /// Creates a backend.
  ///
  /// - Parameter onCall: The studio calls it before each network call. It can wait, to show
  ///   progress, or throw, to test a failure.
  public init(onCall: @escaping Hook = { (_) throws(AvatarError) in }) {
    self.onCall = onCall
  }

  /// False: there is no model.
  public var needsFiles: Bool { false }

  /// Returns a runner that computes every output from the sum of the inputs.
  public func load(
    _ component: Component, of manifest: Manifest, in folder: URL?
  ) async throws(AvatarError) -> any Runner {
    FakeRunner(component: component, onCall: onCall)
  }
}

private struct FakeRunner: Runner {
  let component: Component
  let onCall: FakeBackend.Hook

  func run(_ inputs: [String: Tensor], into outputs: [String: Tensor]) throws(AvatarError) {
    try onCall(component.name)
    let sum = component.inputs.reduce(0.0) { $0 + (inputs[$1.name].map(weigh) ?? 0) }
    for output in component.outputs {
      guard let tensor = outputs[output.name], tensor.elementType == .float32 else { continue }
      let width = output.isImage ? output.shape.last ?? 1 : 1
      tensor.withFloats { values in
        for index in values.indices {
          let phase =
            output.isImage ? index / (values.count / 3) * 7 + index % width / 32 : index % 64
          values[index] = 0.5 + 0.5 * Float(sin(sum + Double(phase) * 0.3))
        }
      }
    }
  }

  /// Returns a number that differs for different contents.
  private func weigh(_ tensor: Tensor) -> Double {
    guard tensor.elementType == .float32 else {
      return tensor.withIntegers { values in values.reduce(0) { $0 * 31 + Double($1) + 1 } }
    }
    return tensor.withFloats { values in
      values.enumerated().reduce(0) { $0 + Double($1.element) * Double($1.offset % 97 + 1) / 97 }
    }
  }
}
