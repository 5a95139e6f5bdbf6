-- Fifteen people of the demo's clinic.
CREATE TABLE client (
  id INTEGER PRIMARY KEY,
  file_no VARCHAR(20) NOT NULL,
  first_name VARCHAR(60) NOT NULL,
  last_name VARCHAR(60) NOT NULL,
  birth_date DATE,
  gender VARCHAR(1),
  insurance_no VARCHAR(20),
  email VARCHAR(160),
  phone VARCHAR(40),
  street VARCHAR(120),
  postcode VARCHAR(12),
  city VARCHAR(60),
  registered_on DATE NOT NULL
);
CREATE UNIQUE INDEX client_file_no ON client (file_no);
CREATE TABLE contact (
  id INTEGER PRIMARY KEY,
  client_id INTEGER NOT NULL REFERENCES client (id),
  full_name VARCHAR(120) NOT NULL,
  phone VARCHAR(40)
);
CREATE TABLE note (
  id INTEGER PRIMARY KEY,
  client_id INTEGER NOT NULL REFERENCES client (id),
  written_on DATE NOT NULL,
  body TEXT NOT NULL
);
INSERT INTO client (id, file_no, first_name, last_name, birth_date, gender, insurance_no, email, phone, street, postcode, city, registered_on) VALUES
  (1, 'F2009-00001', 'Ngozi', 'Kwiatkoides', '1985-03-27', 'F', 'PL0998-01L00001', 'ngozi.kwiatkoides1@home.example', '+49 30 5521218', 'Hrvatske Bratske 167', 'EC2 4AA', 'Thamesbury', '2009-03-29'),
  (2, 'F2009-00002', 'Halszka', 'Lewandowska', '2016-01-06', 'X', 'PL1596-02M00002', NULL, '+48 612 271 832', 'Calle Desengaño 121', '61-701', 'Wielkopole', '2009-10-14'),
  (3, 'F2009-00003', 'Dagný', 'Pereyaswski', '2006-12-06', 'X', 'PL6226-03K00003', 'dagni.pereyaswski3@uni.example', '+44 7994 115501', 'Plac Wolności 4', '80331', 'Altmünchen', '2009-07-18'),
  (4, 'F2009-00004', 'Radosława', 'Æthelstnen-Holt', '2011-08-16', 'F', 'PL5278-04L00004', 'radoslawa.thelstnenholt4@home.example', '+48 679 678 980', 'Blackfriars Mews 7', '61-701', 'Wielkopole', '2009-05-11'),
  (5, 'F2009-00005', 'Priyanka', 'Rangihunaoğlu', '2006-08-13', 'F', 'PL1148-05M00005', NULL, NULL, 'Hrvatske Bratske 124', '10117', 'Neu-Spreewerder', '2009-05-05'),
  (6, 'F2009-00006', 'Mbali', 'Tchórzeani', NULL, 'X', NULL, 'mbali.tchorzeani6@post.example', '+44 7941 123520', 'Blackfriars Mews 83', '61-701', 'Wielkopole', '2009-01-12'),
  (7, 'F2009-00007', 'Radosława', 'Tchórzesdóttir', '1981-11-17', 'M', 'PL7157-07L00007', 'radoslawa.tchorzesdottir7@home.example', '+44 7962 189594', 'Plac Wolności 62', '80331', 'Altmünchen', '2009-01-30'),
  (8, 'F2009-00008', 'Żaneta', 'Starodubani', '1939-08-11', 'F', 'PL0481-08M00008', 'zaneta.starodubani8@home.example', '+48 662 900 739', 'Rua das Janelas 11', '02-495', 'Ursynowice', '2009-04-24'),
  (9, 'F2009-00009', 'Björgvin', 'Niedźwinen-Holt', '2006-05-29', 'X', 'PL9914-09K00009', NULL, '+49 30 4121319', 'Blackfriars Mews 185', '61-701', 'Wielkopole', '2009-10-03'),
  (10, 'F2009-00010', 'Gvantsa', 'Pereyassdóttir', '1962-02-26', 'M', 'PL1340-10L00010', NULL, '+49 30 8146823', 'Calle Desengaño 29', '61-701', 'Wielkopole', '2009-02-12'),
  (11, 'F2009-00011', 'Kwabena', 'Ujvárosmba', '1954-08-09', 'M', 'PL6549-11M00011', 'kwabena.ujvarosmba11@home.example', NULL, NULL, '31-019', 'Nowa Krakówka', '2009-12-26'),
  (12, 'F2009-00012', 'Sakura', 'Šimonauswski', '1994-01-16', 'X', 'PL4701-12K00012', 'sakura.simonauswski12@poczta.example', '+48 657 271 403', 'Kurfürstendammweg 28', '10117', 'Neu-Spreewerder', '2009-11-18'),
  (14, 'F2009-00014', 'Ekaterini', 'Brzozoides', '2006-04-08', 'M', 'PL1308-14M00014', NULL, '+48 640 074 218', 'Blackfriars Mews 21', '10117', 'Neu-Spreewerder', '2009-03-16'),
  (29999, 'F2015-29999', 'Zeynep', 'Đurđeviwski', '2008-10-10', 'M', 'PL1989-26M29999', NULL, '+48 683 833 693', 'Calle Desengaño 107', '10117', 'Neu-Spreewerder', '2015-11-19'),
  (30023, 'f 2009-00161 ', 'Mbali', 'Ujvároswski', '2002-02-16', 'M', 'PL7307-50M30023', 'mbali.ujvaroswski30023@poczta.example', '+48 650 469 694', 'Plac Wolności 34', '10117', 'Neu-Spreewerder', '2009-11-13');
INSERT INTO contact (id, client_id, full_name, phone) VALUES
  (1, 1, 'Ngozi Kwiatkoides', '+49 30 5521218'),
  (2, 2, 'Ngozi Kwiatkoides', '+49 30 5521218'),
  (3, 3, 'Halszka Lewandowska', '+48 612 271 832'),
  (4, 6, 'Priyanka Rangihunaoğlu', '+48 649 176 926'),
  (5, 7, 'Mbali Tchórzeani', '+44 7941 123520'),
  (6, 8, 'Radosława Tchórzesdóttir', '+44 7962 189594'),
  (7, 10, 'Björgvin Niedźwinen-Holt', '+49 30 4121319'),
  (8, 12, 'Kwabena Ujvárosmba', '+49 30 7441631'),
  (10, 14, 'Eilidh Maciejonyi', '+48 679 372 565'),
  (17930, 29999, 'Gvantsa Hovhannidze', '+44 7912 115789'),
  (17944, 30023, 'Þórdís Rangihunawska', '+48 664 157 354');
INSERT INTO note (id, client_id, written_on, body) VALUES
  (1, 1, '2010-05-09', 'Referred by Dr. Kwiatkoides (+49 30 5521218). Papers are in the second folder.'),
  (2, 1, '2017-07-25', 'Called Ngozi Kwiatkoides at +49 30 5521218, no answer. Left a message with Ngozi Kwiatkoides.'),
  (3, 1, '2018-05-10', 'Nie przyszła. Kwiatkoides Ngozi prosi o nowy termin, tel. +49 30 5521218.'),
  (4, 3, '2022-11-12', 'Sent the form to dagni.pereyaswski3@uni.example; the copy for Halszka Lewandowska goes by post.'),
  (5, 3, '2020-12-25', 'Nie przyszła. Pereyaswski Dagný prosi o nowy termin, tel. +44 7994 115501.'),
  (6, 3, '2020-07-16', 'Dagný asked to be written to at dagni.pereyaswski3@uni.example and not to be called in the mornings.'),
  (7, 3, '2014-07-17', 'Nie przyszła. Pereyaswski Dagný prosi o nowy termin, tel. +44 7994 115501.'),
  (8, 4, '2016-05-12', 'Frau Æthelstnen-Holt hat abgesagt und bittet um Rückruf (+48 679 678 980).'),
  (9, 4, '2014-10-26', 'Nie przyszła. Æthelstnen-Holt Radosława prosi o nowy termin, tel. +48 679 678 980.'),
  (10, 6, '2011-01-05', 'Nie przyszła. Tchórzeani Mbali prosi o nowy termin, tel. +44 7941 123520.'),
  (11, 6, '2019-10-22', 'Frau Tchórzeani hat abgesagt und bittet um Rückruf (+44 7941 123520).'),
  (12, 7, '2024-12-22', 'Emergency contact changed to Mbali Tchórzeani, +44 7941 123520.'),
  (13, 7, '2021-02-11', 'Frau Tchórzesdóttir hat abgesagt und bittet um Rückruf (+44 7962 189594).'),
  (14, 7, '2015-04-18', 'Emergency contact changed to Mbali Tchórzeani, +44 7941 123520.'),
  (15, 7, '2016-01-02', 'Nie przyszła. Tchórzesdóttir Radosława prosi o nowy termin, tel. +44 7962 189594.'),
  (16, 7, '2017-09-28', 'Nie przyszła. Tchórzesdóttir Radosława prosi o nowy termin, tel. +44 7962 189594.'),
  (17, 8, '2016-03-31', 'Żaneta asked to be written to at zaneta.starodubani8@home.example and not to be called in the mornings.'),
  (18, 9, '2017-08-24', 'Referred by Dr. Starodubani (+48 662 900 739). Papers are in the second folder.'),
  (19, 9, '2024-04-19', 'Sent the form to bjorgvin.niedzwinenholt9@mail.example; the copy for Żaneta Starodubani goes by post.'),
  (20, 9, '2020-09-01', 'Plan agreed: two sessions a month, review after the summer.'),
  (21, 11, '2014-05-05', 'No change since the last session. Next appointment as usual.'),
  (22, 11, '2011-06-23', 'No change since the last session. Next appointment as usual.'),
  (23, 12, '2024-05-24', 'Sakura asked to be written to at sakura.simonauswski12@poczta.example and not to be called in the mornings.'),
  (24, 12, '2020-11-20', 'Emergency contact changed to Kwabena Ujvárosmba, +49 30 7441631.'),
  (28, 14, '2016-03-14', 'Plan agreed: two sessions a month, review after the summer.'),
  (29, 14, '2026-01-11', 'Called Ekaterini Brzozoides at +48 640 074 218, no answer. Left a message with Eilidh Maciejonyi.'),
  (30, 14, '2018-09-28', 'Sent the form to ekaterini.brzozoides14@uni.example; the copy for Eilidh Maciejonyi goes by post.');
