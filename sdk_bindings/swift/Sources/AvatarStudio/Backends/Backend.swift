import Foundation

/// Loads components, so that they can run: `CoreMLBackend`, `OnnxRuntimeBackend`, `FakeBackend`, or
/// one of the app.
public protocol Backend: Sendable {
  /// Whether components are read from files. If it is false, the studio needs no model and checks
  /// none.
  var needsFiles: Bool { get }

  /// Loads a component.
  ///
  /// - Parameters:
  ///   - component: The component to load.
  ///   - manifest: The manifest that the component belongs to.
  ///   - folder: The folder of the model's files, or nil if `needsFiles` is false.
  /// - Throws: `outOfMemory`, `storageFull` or `runtimeFailed`.
  func load(
    _ component: Component, of manifest: Manifest, in folder: URL?
  ) async throws(AvatarError) -> any Runner
}

/// A loaded component.
public protocol Runner: Sendable {
  /// Runs the component once: reads all inputs and fills all outputs.
  ///
  /// Both hold exactly the component's tensors by name. The call blocks until it is done. It throws
  /// `outOfMemory` or `runtimeFailed`.
  func run(_ inputs: [String: Tensor], into outputs: [String: Tensor]) throws(AvatarError)
}
