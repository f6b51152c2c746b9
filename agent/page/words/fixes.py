"""What to fix. The English sentences are those of ``netready-agent check``, word for word: a test compares them."""

from agent.page.words.said import Said

FIXES: dict[str, Said] = {
    "link.hidden": Said(
        kk="Бұл компьютер өз кабелінің жылдамдығын айтпайды, ал тестті дәл сол шектеуі мүмкін: желіні кінәламас бұрын "
        "кабельмен қосылған басқа компьютерде тексеріңіз.",
        ru="Этот компьютер не сообщает скорость своего кабеля, а тест мог ограничить именно он: прежде чем винить "
        "линию, проверьте на другом компьютере по кабелю.",
        en="This computer does not tell the speed of its cable, which may be what limits the test: run this on another "
        "computer by cable before blaming the line.",
    ),
    "loopback": Said(
        kk="Тест сервері – осы компьютердің өзі: бұл желі туралы ештеңе айтпайды.",
        ru="Сервер тестов – сам этот компьютер: о линии это ничего не говорит.",
        en="The test server is this computer itself: this says nothing about the line.",
    ),
    "wifi": Said(
        kk="Өлшеу Wi-Fi арқылы жүргізілді, шектеп тұрған сол болуы мүмкін: желіні кінәламас бұрын компьютерді "
        "маршрутизаторға кабельмен қосып, қайта тексеріңіз.",
        ru="Измерение шло по Wi-Fi, и ограничивать мог он: прежде чем винить линию, подключите компьютер к "
        "маршрутизатору кабелем и проверьте снова.",
        en="This was measured over Wi-Fi, which may be what limits it: plug this computer into the router with a cable "
        "and run this again before blaming the line.",
    ),
    "slow cable": Said(
        kk="Бұл компьютердің кабелі небәрі {speed} Мбит/с жылдамдықпен жұмыс істейді, тестті желі емес, сол шектейді: "
        "сегіз сымы да қосылған Cat 5e кабелін және гигабиттік портты пайдаланыңыз.",
        ru="Кабель этого компьютера работает лишь на {speed} Мбит/с, и тест ограничивает он, а не линия: возьмите "
        "кабель Cat 5e со всеми восемью жилами и гигабитный порт.",
        en="The cable link of this computer runs at {speed} Mbit/s only, and that limits the test, not the line: use a "
        "Cat 5e cable with all eight wires and a gigabit port.",
    ),
    "half duplex": Said(
        kk="Кабель жартылай дуплекс режимінде жұмыс істейді, бұл жылдамдықты төмендетеді: екі шетін де автоматты "
        "режимге қойыңыз.",
        ru="Кабельное соединение работает в полудуплексе, и это снижает скорость: установите на обоих концах "
        "автоматический режим.",
        en="The cable link runs at half duplex, which costs speed: set both ends to automatic.",
    ),
    "link_limited": Said(
        kk="Тестті желі емес, осы компьютердің қосылымы шектеді: жылдамырақ кабельді немесе портты пайдаланыңыз.",
        ru="Тест ограничило подключение этого компьютера, а не линия: возьмите более быстрый кабель или порт.",
        en="This computer's network link was the limit, not the line: use a faster cable or port.",
    ),
    "host_limited": Said(
        kk="Бұл компьютер тест үшін тым баяу болды: басқа бағдарламаларды жабыңыз немесе жылдамырақ компьютерде "
        "өлшеңіз.",
        ru="Этот компьютер слишком медленный для теста: закройте другие программы или измерьте на более быстром.",
        en="This computer was too slow for the test: close other programs, or measure on a faster one.",
    ),
    "vpn": Said(
        kk="Тест VPN арқылы өтті: желінің өзін өлшеу үшін оны өшіріп, қайта тексеріңіз.",
        ru="Тест шёл через VPN: чтобы измерить саму линию, отключите его и проверьте снова.",
        en="A VPN carried the test: switch it off and run this again, to measure the line itself.",
    ),
    "proxy": Said(
        kk="Тест прокси арқылы өтті: компьютерге тест серверіне тікелей қосылуға рұқсат беріп, қайта тексеріңіз.",
        ru="Тест шёл через прокси: разрешите компьютеру обращаться к серверу тестов напрямую и проверьте снова.",
        en="A proxy carried the test: let this computer reach the test server directly and run this again.",
    ),
    "sleep": Said(
        kk="Тест кезінде компьютер ұйқы режиміне өтті: оны ояу қалпында ұстап, қайта тексеріңіз.",
        ru="Во время теста компьютер уходил в сон: не давайте ему засыпать и проверьте снова.",
        en="This computer slept during the test: keep it awake and run this again.",
    ),
    "network_changed": Said(
        kk="Тест кезінде компьютер басқа желіге ауысты: бір кабельде немесе бір Wi-Fi желісінде қалып, қайта "
        "тексеріңіз.",
        ru="Во время теста компьютер перешёл в другую сеть: останьтесь на одном кабеле или Wi-Fi и проверьте снова.",
        en="This computer changed its network during the test: keep to one cable or Wi-Fi and run this again.",
    ),
    "server_limited": Said(
        kk="Шектеген желі емес, тест сервері: қайта тексеріңіз немесе басқа серверге қатысты өлшеңіз.",
        ru="Ограничивал сервер тестов, а не линия: проверьте снова или на другом сервере.",
        en="The test server was the limit, not the line: run this again, or against another server.",
    ),
    "cross_traffic": Said(
        kk="Тест кезінде компьютер желіні өзі пайдаланып жатты: жаңартуларды, бұлтпен синхрондауды және бейнені "
        "тоқтатып, қайта тексеріңіз.",
        ru="Во время теста компьютер сам пользовался сетью: остановите обновления, синхронизацию с облаком и видео и "
        "проверьте снова.",
        en="This computer was using the network itself during the test: stop updates, cloud sync and video, then run "
        "this again.",
    ),
    "loss": Said(
        kk="Пакеттердің {loss} %-ы жоғалды: бейнесабақтар үзіліп тұрады. Алдымен кабельдер мен Wi-Fi-ды тексеріңіз; "
        "кабельмен қосылған компьютерде де жоғалса, операторға айтыңыз.",
        ru="Потеряно {loss} % пакетов: видеоуроки будут прерываться. Сначала проверьте кабели и Wi-Fi; если теряет и "
        "компьютер на кабеле, скажите оператору.",
        en="{loss}% of the packets were lost: video lessons will stutter. Check cables and Wi-Fi first; if a cabled "
        "computer loses them too, tell the operator.",
    ),
    "delay": Said(
        kk="Жауап {delay} мс кешігіп келеді: бейнесабақта сөйлесу қиын (спутниктік желілерде осылай болады).",
        ru="Ответы приходят через {delay} мс: разговаривать на видеоуроке трудно (так бывает на спутниковых линиях).",
        en="Answers take {delay} ms: talking in video lessons is hard (satellite lines do this).",
    ),
    "line": Said(
        kk="Мұны осы компьютердегі ештеңе түсіндірмейді. Ешкім желіде болмағанда қайта тексеріңіз; нәтиже өзгермесе, "
        "желі тым баяу: мұны операторға көрсетіңіз.",
        ru="На этом компьютере ничто этого не объясняет. Проверьте снова, когда в сети больше никого нет; если "
        "результат тот же, линия слишком медленная: покажите это оператору.",
        en="Nothing on this computer explains it. Run this again when nobody else is online; if it stays so, the line "
        "is too slow: show this to the operator.",
    ),
    "skipped": Said(
        kk="Бұл компьютерде «{probe}» өлшеуін жүргізу мүмкін болмады.",
        ru="На этом компьютере не удалось выполнить измерение «{probe}».",
        en="{probe} could not run on this computer.",
    ),
}

ADVICE: dict[str, Said] = {
    "no_server": Said(
        kk="Бірде-бір тест сервері белгісіз: бұл компьютерді тіркеңіз немесе серверді --server арқылы көрсетіңіз.",
        ru="Ни один сервер тестов не известен: привяжите этот компьютер к школе или укажите сервер через --server.",
        en="No test server is known: enrol this computer, or name a server with --server.",
    ),
    "dns_failed": Said(
        kk="Сервердің аты табылмады: компьютердің интернетке қосылғанын және DNS серверінің жұмысын тексеріңіз.",
        ru="Имя сервера не найдено: проверьте, что компьютер в сети и его DNS-сервер работает.",
        en="The server's name could not be found: check that this computer is online and its DNS server works.",
    ),
    "connect_refused": Said(
        kk="Тест серверінің машинасы жауап береді, бірақ онда тест жұмыс істемейді: серверге жауапты адамға айтыңыз.",
        ru="Машина сервера тестов отвечает, но тест на ней не запущен: сообщите тому, кто отвечает за сервер.",
        en="The test server's machine answers, but no test runs there: tell whoever runs the server.",
    ),
    "connect_timeout": Said(
        kk="Тест сервері жауап бермеді: кабельді немесе Wi-Fi-ды, содан кейін брандмауэрді немесе сүзгіні тексеріңіз.",
        ru="Сервер тестов не ответил: проверьте кабель или Wi-Fi, затем брандмауэр или фильтр.",
        en="The test server did not answer: check the cable or Wi-Fi, then the firewall or filter.",
    ),
    "unreachable": Said(
        kk="Тест серверіне жол жоқ: кабельді немесе Wi-Fi-ды және маршрутизаторды тексеріңіз.",
        ru="До сервера тестов нет пути: проверьте кабель или Wi-Fi и маршрутизатор.",
        en="There is no way to the test server: check the cable or Wi-Fi and the router.",
    ),
    "tls_certificate": Said(
        kk="Сервердің сертификатына сенім жоқ: компьютердің күні мен уақытын тексеріңіз; шифрланған трафикті оқитын "
        "сүзгі де осылай етеді.",
        ru="Сертификату сервера нет доверия: проверьте дату и время на компьютере; так же действует фильтр, читающий "
        "зашифрованный трафик.",
        en="The server's certificate is not trusted: check this computer's date and time; a filter that reads "
        "encrypted "
        "traffic does this too.",
    ),
    "tls_failed": Said(
        kk="Шифрланған қосылым орнатылмады: арада брандмауэр немесе сүзгі тұруы мүмкін.",
        ru="Зашифрованное соединение не установилось: возможно, мешает брандмауэр или фильтр.",
        en="No encrypted connection came about: a firewall or filter may stand in between.",
    ),
    "redirected": Said(
        kk="Тест сервері бізді басқа мекенжайға жіберді: мекенжайды серверге жауапты адаммен нақтылаңыз.",
        ru="Сервер тестов перенаправил нас на другой адрес: уточните адрес у того, кто отвечает за сервер.",
        en="The test server sent us to another address: check the address with whoever runs the server.",
    ),
    "captive_portal": Said(
        kk="Сервердің орнына кіру беті жауап берді: алдымен браузер арқылы желіге кіріп, содан кейін қайта тексеріңіз.",
        ru="Вместо сервера ответила страница входа: сначала войдите в сеть через браузер, затем проверьте снова.",
        en="A login page answered in the server's place: log in to the network with a browser first, then run this "
        "again.",
    ),
    "intercepted": Said(
        kk="Тест серверінің орнына сүзгі немесе прокси жауап береді: оған жауапты адамнан осы серверге жол ашуын "
        "сұраңыз.",
        ru="Вместо сервера тестов отвечает фильтр или прокси: попросите того, кто за него отвечает, пропускать этот "
        "сервер.",
        en="A filter or proxy answers in the test server's place: ask whoever runs it to let this server through.",
    ),
    "refused_by_server": Said(
        kk="Тест сервері бұл компьютерді кіргізбейді: серверге жауапты адамға айтыңыз.",
        ru="Сервер тестов не пускает этот компьютер: сообщите тому, кто отвечает за сервер.",
        en="The test server does not let this computer in: tell whoever runs the server.",
    ),
    "busy": Said(
        kk="Тест сервері бос емес: бірнеше минуттан кейін қайта тексеріңіз.",
        ru="Сервер тестов занят: проверьте снова через несколько минут.",
        en="The test server is busy: run this again in a few minutes.",
    ),
    "http_status": Said(
        kk="Тест сервері күтпеген жауап берді: оның мекенжайын тексеріңіз.",
        ru="Сервер тестов ответил неожиданно: проверьте его адрес.",
        en="The test server answered unexpectedly: check its address.",
    ),
    "protocol_error": Said(
        kk="Жауап беріп тұрған – netready тест сервері емес: мекенжайды тексеріңіз; арада прокси тұруы мүмкін.",
        ru="Отвечает не сервер тестов netready: проверьте адрес; возможно, мешает прокси.",
        en="What answers is no netready test server: check the address; a proxy may stand in between.",
    ),
    "connection_reset": Said(
        kk="Қосылым ортасында үзілді: сүзгі кедергі болды немесе желі үзіліп тұр. Қайта тексеріңіз.",
        ru="Соединение оборвалось посередине: мешает фильтр или линия прерывается. Проверьте снова.",
        en="The connection was cut in the middle: a filter, or a line that drops out. Run this again.",
    ),
    "closed_early": Said(
        kk="Тест сервері тестті мерзімінен бұрын аяқтады: қайта тексеріңіз.",
        ru="Сервер тестов завершил тест раньше времени: проверьте снова.",
        en="The test server ended the test early: run this again.",
    ),
    "stalled": Said(
        kk="Қосылым болды, бірақ дерек келмей қалды: желі үзіліп тұр немесе шамадан тыс жүктелген. Қайта тексеріңіз.",
        ru="Соединение было, но данные перестали идти: линия прерывается или перегружена. Проверьте снова.",
        en="The connection stood, but no more data came: the line drops out or is overloaded. Run this again.",
    ),
    "no_answer": Said(
        kk="Бірде-бір жауап қайтпады: онда тест сервері жұмыс істемейді немесе брандмауэр оған UDP жібермейді; рұқсат "
        "беруді сұраңыз.",
        ru="Ни один ответ не вернулся: там нет сервера тестов или брандмауэр не пропускает к нему UDP; попросите "
        "разрешить.",
        en="No echo came back: no test server runs there, or a firewall blocks UDP to it; ask for it to be allowed.",
    ),
    "deadline": Said(
        kk="Нәтиже шыққанша уақыт бітті: желі өте баяу немесе үзіліп тұр. Қайта тексеріңіз.",
        ru="Время вышло раньше, чем появился результат: линия очень медленная или прерывается. Проверьте снова.",
        en="The time was over before there was a result: the line is very slow or drops out. Run this again.",
    ),
    "permission_denied": Said(
        kk="Бұл компьютер тестке рұқсат бермейді: оны әкімші атынан іске қосыңыз немесе брандмауэрін тексеріңіз.",
        ru="Этот компьютер не разрешает тест: запустите его от имени администратора или проверьте брандмауэр.",
        en="This computer does not allow the test: run it as administrator, or check its firewall.",
    ),
    "host_error": Said(
        kk="Компьютердің өзінде ақау болды: басқа бағдарламаларды жауып, қайта тексеріңіз.",
        ru="Неполадка на самом компьютере: закройте другие программы и проверьте снова.",
        en="This computer itself had trouble: close other programs and run this again.",
    ),
}

DEFECTS: dict[str, Said] = {
    "rogue_dhcp": Said(
        kk="Желіде мекенжайды бірнеше құрылғы таратады: маршрутизатордан басқасын (көбіне дұрыс қосылмаған үй "
        "маршрутизаторын) тауып, ажыратыңыз.",
        ru="Адреса в сети раздаёт не одно устройство: найдите лишнее (часто это неправильно включённый домашний "
        "роутер) и отключите его.",
        en="More than one device hands out addresses: find the one that is not the router's, often a home router "
        "plugged in the wrong way round, and unplug it.",
    ),
    "second_gateway": Said(
        kk="Екі маршрутизатор өзін сыртқа шығатын жол деп таныстырады: артығын тауып, ажыратыңыз.",
        ru="Два маршрутизатора выдают себя за выход наружу: найдите лишний и отключите его.",
        en="Two routers give themselves out as the way outside: find the one that is not needed and unplug it.",
    ),
    "address_conflict": Said(
        kk="Екі құрылғының мекенжайы бірдей: барлығы мекенжайды автоматты түрде (DHCP) алатын етіп баптаңыз.",
        ru="У двух устройств один адрес: пусть все получают его автоматически (DHCP).",
        en="Two devices use one address: let all of them get theirs automatically (DHCP).",
    ),
    "double_nat": Said(
        kk="Екі маршрутизатор бірінен кейін бірі тұр: ішкісін тек кіру нүктесі ретінде жұмыс істейтін етіп баптаңыз.",
        ru="Два маршрутизатора стоят друг за другом: настройте внутренний только как точку доступа.",
        en="Two routers stand one behind the other: set the inner one to work as an access point only.",
    ),
    "slow_resolver": Said(
        kk="DNS сервері баяу немесе жауап бермейді, сондықтан беттер кешігіп ашылады: басқа DNS серверін пайдаланыңыз.",
        ru="DNS-сервер отвечает медленно или не отвечает, поэтому страницы открываются с задержкой: используйте "
        "другой.",
        en="A name server is slow or does not answer, so that pages begin late: use another one.",
    ),
    "lying_resolver": Said(
        kk="DNS сервері жалған жауап береді: оған жауапты адамнан сұраңыз немесе басқасын пайдаланыңыз.",
        ru="DNS-сервер даёт ложные ответы: спросите того, кто за него отвечает, или используйте другой.",
        en="A name server gives false answers: ask whoever runs it, or use another one.",
    ),
    "storm": Said(
        kk="Желіні кең таратылым пакеттері басып кетті: бір коммутатордың екі ұясын қосып тұрған кабельді іздеңіз.",
        ru="Сеть переполнена широковещательными пакетами: найдите кабель, соединяющий два гнезда одного коммутатора.",
        en="Broadcasts flood the network: look for a cable that connects two sockets of the same switch.",
    ),
    "open_wifi": Said(
        kk="Мектептің Wi-Fi желісі барлығына ашық: құпиясөзі бар WPA2 немесе WPA3 қорғанысын орнатыңыз.",
        ru="Wi-Fi школы открыт для всех: включите защиту WPA2 или WPA3 с паролем.",
        en="The school's Wi-Fi is open to everybody: set WPA2 or WPA3 with a password.",
    ),
    "small_mtu": Said(
        kk="Әдеттегі көлемдегі пакеттер маршрутизаторға жетпейді: осы компьютерде және арадағы құрылғыларда MTU мәнін "
        "1500 деп қойыңыз.",
        ru="Пакеты обычного размера не доходят до маршрутизатора: установите MTU 1500 на этом компьютере и на "
        "устройствах по пути.",
        en="Packets of the usual size do not reach the router: set the MTU to 1500 on this computer and the devices in "
        "between.",
    ),
    "lossy_way": Said(
        kk="Компьютер мен маршрутизатор арасында пакеттер жоғалады, сондықтан жылдамдық жақсы болса да бейнесабақтар "
        "үзіледі: басқа кабельді және портты қолданып көріңіз немесе Wi-Fi кіру нүктесіне жақындаңыз.",
        ru="Между компьютером и маршрутизатором теряются пакеты, поэтому видеоуроки прерываются даже при хорошей "
        "скорости: попробуйте другой кабель и порт или подойдите ближе к точке доступа Wi-Fi.",
        en="Packets are lost between this computer and the router, so that video lessons stutter even where the speed "
        "is good: try another cable and port, or come nearer to the Wi-Fi access point.",
    ),
    "peers_unreachable": Said(
        kk="Бұл компьютер мектептің басқа компьютерлеріне қосыла алмайды: кіру нүктесі құрылғыларды оқшаулайды, "
        "брандмауэр бұғаттайды немесе олар басқа желіде (VLAN).",
        ru="Этот компьютер не видит другие компьютеры школы: точка доступа изолирует устройства, мешает брандмауэр или "
        "они в другой сети (VLAN).",
        en="This computer cannot reach the school's other computers: the access point isolates its devices, a firewall "
        "blocks them, or they are in another network (VLAN).",
    ),
}
