# Install an MSI silently on a machine that is thrown away afterwards, look at what is there, uninstall it. Never run so far.
param([Parameter(Mandatory)][string]$Msi)
$ErrorActionPreference = "Stop"
$state = Join-Path $env:ProgramData "netready"
$token = "TRIAL-TOKEN-THAT-NOBODY-HAS"

function Assert([bool]$Holds, [string]$Promise) {
    if (-not $Holds) { throw "not kept: $Promise" }
    Write-Output "kept: $Promise"
}

function Invoke-Installer([string[]]$Words) {
    $done = Start-Process msiexec.exe -ArgumentList $Words -Wait -PassThru
    if ($done.ExitCode -ne 0) { Get-Content install.log -Tail 80; throw "msiexec $Words ended with $($done.ExitCode)" }
}

Invoke-Installer "/i", $Msi, "/qn", "/l*v", "install.log", "COLLECTOR=http://127.0.0.1:9", "TOKEN=$token", 'ROOM="12 ""A"" #"'
Start-Sleep -Seconds 30
Assert ((Get-Service NetreadyAgent).Status -eq "Running") "the service runs"
Assert ((Get-CimInstance Win32_Service -Filter "Name='NetreadyAgent'").StartName -eq "NT AUTHORITY\LocalService") "as LocalService"
Assert (-not (Select-String -Path install.log -SimpleMatch $token -Quiet)) "no token in the installer's log"
Assert ($null -eq (Get-ItemProperty "HKLM:\Software\netready\Enroll").token) "no token left in the registry"
Assert (Test-Path "$state\enroll.toml") "what was given waits in enroll.toml"
Assert ((Get-Content -Raw -Encoding utf8 "$state\key.new").StartsWith("dpapi:")) "the key is sealed"
$open = (Get-Acl $state).Access | Where-Object {
    $_.IdentityReference.Translate([Security.Principal.SecurityIdentifier]).Value -notin "S-1-5-18", "S-1-5-19", "S-1-5-32-544"
}
Assert ($null -eq $open) "only SYSTEM, LocalService and administrators read the state"
$rules = Get-NetFirewallRule -DisplayName "netready-peer-*"
Assert (@($rules).Count -eq 2 -and -not ($rules | Where-Object Profile -ne "Private")) "two firewall rules, private networks only"
Assert ((sc.exe qfailure NetreadyAgent | Out-String) -match "RESTART") "Windows restarts the service when it fails"
Restart-Service NetreadyAgent
Assert ((Get-Service NetreadyAgent).Status -eq "Running") "it stops and starts again"

Invoke-Installer "/x", $Msi, "/qn", "/l*v", "remove.log", "PURGE=1"
Assert ($null -eq (Get-Service NetreadyAgent -ErrorAction SilentlyContinue)) "the service is gone"
Assert (-not (Test-Path "$env:ProgramFiles\netready")) "the program is gone"
Assert (-not (Test-Path "HKLM:\Software\netready\Enroll")) "the registry key is gone"
Assert ($null -eq (Get-NetFirewallRule -DisplayName "netready-peer-*" -ErrorAction SilentlyContinue)) "the firewall rules are gone"
Assert (-not (Test-Path $state)) "with PURGE=1 the state is gone"
