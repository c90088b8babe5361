// swift-tools-version:6.0

import Foundation
import PackageDescription

// A published package contains a model. The repository contains none.
let artifact = "\(Context.packageDirectory)/Sources/AvatarStudio/Artifact"
let hasModel = FileManager.default.fileExists(atPath: artifact)
let resources: [Resource] =
  [.copy("PrivacyInfo.xcprivacy")] + (hasModel ? [.copy("Artifact")] : [])

let package = Package(
  name: "AvatarStudio",
  platforms: [.iOS(.v16), .macOS(.v13)],
  products: [
    .library(name: "AvatarStudio", targets: ["AvatarStudio"]),
    .executable(name: "avatar-example", targets: ["avatar-example"]),
  ],
  targets: [
    .systemLibrary(name: "COnnxRuntime", providers: [.apt(["libonnxruntime-dev"])]),
    .systemLibrary(
      name: "CPictures", providers: [.apt(["libpng-dev", "liblcms2-dev", "zlib1g-dev"])]),
    .target(
      name: "AvatarStudio",
      dependencies: [
        .target(name: "COnnxRuntime", condition: .when(platforms: [.linux])),
        .target(name: "CPictures", condition: .when(platforms: [.linux])),
      ],
      resources: resources
    ),
    .executableTarget(name: "avatar-example", dependencies: ["AvatarStudio"]),
    .testTarget(name: "AvatarStudioTests", dependencies: ["AvatarStudio"]),
  ]
)
