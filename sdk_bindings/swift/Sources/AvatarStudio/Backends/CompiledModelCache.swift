import Foundation

/// Stores compiled Core ML models as `ROOT/DIGEST/COMPONENT.mlmodelc`.
///
/// The folder of a digest holds the files of that model only. Folders of other digests are removed,
/// so that an update of the app leaves no old model behind. The cache holds weights and nothing of a
/// selfie.
struct CompiledModelCache: Sendable {
  let root: URL
  let digest: String

  /// Returns a folder in the app's caches, which the system may empty and does not back up.
  static func standardRoot() throws(AvatarError) -> URL {
    do {
      let caches = try FileManager.default.url(
        for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
      return caches.appendingPathComponent("AvatarStudio", isDirectory: true)
    } catch {
      throw Self.failure(error)
    }
  }

  private var folder: URL { root.appendingPathComponent(digest, isDirectory: true) }

  private func file(_ component: String) -> URL {
    folder.appendingPathComponent("\(component).mlmodelc", isDirectory: true)
  }

  /// Returns the folder of the component's compiled model. It compiles the model if necessary.
  ///
  /// - Parameters:
  ///   - component: The name of the component.
  ///   - compile: Compiles the model into a temporary folder and returns it. The folder is then
  ///     moved.
  /// - Throws: `storageFull`, or `runtimeFailed` for every other failure.
  func model(
    _ component: String, compile: () async throws -> URL
  ) async throws(AvatarError) -> URL {
    let target = file(component)
    if FileManager.default.fileExists(atPath: target.path) { return target }
    do {
      let compiled = try await compile()
      defer { try? FileManager.default.removeItem(at: compiled) }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try publish(compiled, as: target)
    } catch {
      throw Self.failure(error)
    }
    removeOthers()
    return target
  }

  /// Removes the component's compiled model. Call it if the model cannot be loaded.
  func forget(_ component: String) {
    try? FileManager.default.removeItem(at: file(component))
  }

  /// Moves the compiled model to its target in one step.
  ///
  /// A move from another disk is a copy, which can be interrupted. So the model is first moved beside
  /// the target, and a rename is the last step.
  private func publish(_ compiled: URL, as target: URL) throws {
    let part = folder.appendingPathComponent(".\(UUID().uuidString).part", isDirectory: true)
    defer { try? FileManager.default.removeItem(at: part) }
    try FileManager.default.moveItem(at: compiled, to: part)
    do {
      try FileManager.default.moveItem(at: part, to: target)
    } catch {
      // Another call may have published the same model in the meantime. That is no failure.
      guard FileManager.default.fileExists(atPath: target.path) else { throw error }
    }
  }

  private func removeOthers() {
    let all = try? FileManager.default.contentsOfDirectory(atPath: root.path)
    for name in all ?? [] where name != digest && name.count == digest.count {
      try? FileManager.default.removeItem(at: root.appendingPathComponent(name))
    }
  }

  /// Converts an error of Foundation or Core ML. It also looks at the underlying errors.
  static func failure(_ error: any Error) -> AvatarError {
    if let error = error as? AvatarError { return error }
    if error is CancellationError { return .cancelled }
    var cause: NSError? = error as NSError
    while let current = cause {
      let isFull = current.code == CocoaError.fileWriteOutOfSpace.rawValue
      if current.domain == NSCocoaErrorDomain, isFull { return .storageFull }
      let codes = [Int(ENOSPC), Int(EDQUOT)]
      if current.domain == NSPOSIXErrorDomain, codes.contains(current.code) { return .storageFull }
      cause = current.userInfo[NSUnderlyingErrorKey] as? NSError
    }
    return .runtimeFailed(component: "Core ML", reason: error.localizedDescription)
  }
}
