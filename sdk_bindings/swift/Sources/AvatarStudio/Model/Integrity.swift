import Foundation

#if canImport(CryptoKit)
  import CryptoKit
#endif

/// Where the model's files lie.
public enum ModelSource: Sendable {
  /// In the package's resources, where publishing puts them.
  case bundled
  /// In a folder, such as one that the app has downloaded itself.
  case folder(URL)

  func url() throws(AvatarError) -> URL {
    switch self {
    case .folder(let url): return url
    case .bundled:
      guard let url = Bundle.module.url(forResource: "Artifact", withExtension: nil) else {
        throw .modelMissing(path: "the package's resources")
      }
      return url
    }
  }
}

extension ModelDescription {
  /// The manifest layout that this library reads.
  static let readableSchema = 1

  /// Throws unless the library can work with what the generated file says.
  func checkReadable() throws(AvatarError) {
    guard schemaVersion == Self.readableSchema else {
      let reason = "its manifest has schema version \(schemaVersion), expected "
      throw .modelOfAnotherVersion(reason: reason + "\(Self.readableSchema)")
    }
    guard samplers.allSatisfy({ !$0.timesteps.isEmpty && $0.sigmas.count > $0.timesteps.count })
    else {
      throw .modelOfAnotherVersion(reason: "a sampler table is incomplete")
    }
  }

  /// Throws unless every file in `folder` has the size and SHA-256 that the generated file says.
  ///
  /// Where all components are there and every one differs, it is another model, else damage.
  func checkFiles(in folder: URL) throws(AvatarError) {
    guard files.contains(where: { exists($0, in: folder) }) else {
      throw .modelMissing(path: folder.path)
    }
    let wrong = try wrongFiles(in: folder)
    guard let first = wrong.first else { return }
    let ofComponents = files.filter { file in components.contains { file.belongs(to: $0) } }
    let isAnother = ofComponents.allSatisfy { wrong.contains($0) && exists($0, in: folder) }
    guard isAnother else { throw .modelDamaged(file: first.path) }
    throw .modelOfAnotherVersion(reason: "\(wrong.map(\.path).joined(separator: ", ")) differ")
  }

  private func wrongFiles(in folder: URL) throws(AvatarError) -> [ModelFile] {
    var wrong: [ModelFile] = []
    for file in files {
      if Task.isCancelled { throw .cancelled }
      if !isWhole(file, in: folder) { wrong.append(file) }
    }
    return wrong
  }

  private func exists(_ file: ModelFile, in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(file.path).path)
  }

  private func isWhole(_ file: ModelFile, in folder: URL) -> Bool {
    let url = folder.appendingPathComponent(file.path)
    guard let handle = try? FileHandle(forReadingFrom: url) else { return false }
    defer { try? handle.close() }
    guard let size = try? handle.seekToEnd(), size == UInt64(file.byteCount) else { return false }
    return (try? sha256(of: handle)) == file.sha256
  }
}

extension ModelFile {
  /// Whether it is the component's file, or in its package.
  fileprivate func belongs(to component: ComponentDescription) -> Bool {
    path == component.path || path.hasPrefix("\(component.path)/")
  }
}

/// SHA-256 of a whole file in lower-case hex, read in parts of 1 MiB.
func sha256(of file: FileHandle) throws -> String {
  try file.seek(toOffset: 0)
  var hash = PlatformHash()
  while let part = try file.read(upToCount: 1 << 20), !part.isEmpty { hash.add(part) }
  return hash.hex()
}

/// CryptoKit's SHA-256 where there is one, ours elsewhere.
private struct PlatformHash {
  #if canImport(CryptoKit)
    private var hash = SHA256()
    mutating func add(_ part: Data) { hash.update(data: part) }
    func hex() -> String { hash.finalize().map { String(format: "%02x", $0) }.joined() }
  #else
    private var hash = SHA256Hash()
    mutating func add(_ part: Data) { part.withUnsafeBytes { hash.update($0) } }
    func hex() -> String { hash.hexDigest() }
  #endif
}
