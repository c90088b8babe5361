import Foundation

/// What executes networks: ONNX Runtime, Core ML, a fake, or the app's own.
public protocol Backend: Sendable {
  /// Whether components are read from files; if not, the studio needs no model and checks none.
  var needsFiles: Bool { get }

  /// Makes a component ready to run.
  ///
  /// - Parameters:
  ///   - component: Its name, path, inputs and outputs.
  ///   - model: The whole model's description.
  ///   - folder: Where the model's files lie; nil if `needsFiles` is false.
  /// - Throws: `outOfMemory`, `storageFull` or `runtimeFailed`.
  func load(
    _ component: ComponentDescription, of model: ModelDescription, in folder: URL?
  ) async throws(AvatarError) -> any Runner
}

/// A component that is ready to run.
public protocol Runner: Sendable {
  /// Computes the outputs from the inputs; both hold tensors of the described shapes by name.
  ///
  /// Blocks until it is done. Throws `outOfMemory` or `runtimeFailed`.
  func run(_ inputs: [String: Tensor], into outputs: [String: Tensor]) throws(AvatarError)
}
