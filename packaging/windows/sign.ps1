# Sign files with the certificate in $env:CERTIFICATE (a PFX in base64) and $env:CERTIFICATE_PASSWORD. Never run so far.
$ErrorActionPreference = "Stop"
$pfx = Join-Path $env:RUNNER_TEMP "signing.pfx"
[IO.File]::WriteAllBytes($pfx, [Convert]::FromBase64String($env:CERTIFICATE))
try {
    $password = ConvertTo-SecureString $env:CERTIFICATE_PASSWORD -AsPlainText -Force
    $certificate = Get-PfxCertificate -FilePath $pfx -Password $password
    foreach ($file in $args) {
        $signed = Set-AuthenticodeSignature -FilePath $file -Certificate $certificate -HashAlgorithm SHA256
        if ($signed.Status -ne "Valid") { throw "$file was not signed: $($signed.StatusMessage)" }
    }
} finally {
    Remove-Item $pfx
}
